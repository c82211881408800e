package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A machine of the fleet has so little that its calls at the partner API are what
// it can do no more of: eight at a time, of 50 ms each, are 160 a second. The
// configuration names the limits of the whole fleet, which divides them.
const (
	machineCalls       = 8
	machineConnections = 8
	machineWorkers     = 32

	mostMachines = 3
	fleetLease   = 10 * time.Second // a machine beats fifteen times in it, and divides the limits within a few beats
	stallsAfter  = time.Minute      // without a mail
)

// measureFleet is the rate of a fleet of daemons that share a ledger. All of them
// serve before the first mail falls due.
func (b *bench) measureFleet(machines int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		mails := machines * b.fleetMails
		return b.inWorld(ctx, slowAPI, mails, mails, func(w *world) (s sample, err error) {
			url, folder, drop, err := b.freshShared(ctx, sharedLater)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, drop()) }()
			config, err := configure(folder, settings{
				api: w.api.address(), smtp: w.link, hours: anyTime, cron: everySecond, log: "debug", database: url,
				calls: machines * machineCalls, connections: machines * machineConnections, workers: machineWorkers,
			})
			if err != nil {
				return nil, err
			}
			f := &fleet{bench: b, url: url}
			for i := range machines {
				if err = f.join(ctx, config, filepath.Join(folder, fmt.Sprintf("machine-%d.log", i+1))); err != nil {
					break
				}
			}
			if err == nil {
				s, err = f.mail(ctx, w.smtp, mails)
			}
			most, endErr := f.end()
			if err := errors.Join(err, endErr); err != nil {
				return nil, f.explain(err)
			}
			s[peak] = float64(most) / (1 << 20)
			sent, err := sentIn(ctx, url)
			if err == nil && sent != mails {
				err = fmt.Errorf("the ledger says that %d of %d mails were sent", sent, mails)
			}
			return s, err
		})
	}
}

// fleet is the machines of one measurement.
type fleet struct {
	*bench
	url      string
	machines []machineProcess
}

// machineProcess is 'alta serve' as one of them.
type machineProcess struct {
	*child
	log *os.File
}

// join starts one more machine.
func (f *fleet) join(ctx context.Context, config, log string) error {
	m := machineProcess{child: f.altaCommand(ctx, config, "serve")}
	var err error
	if m.log, err = os.Create(log); err != nil {
		return err
	}
	m.cmd.Stderr = m.log
	if err := m.start(); err != nil {
		return errors.Join(err, m.log.Close())
	}
	f.machines = append(f.machines, m)
	return nil
}

// mail lets the mails fall due and measures from the first to the last of them at
// the mail server.
func (f *fleet) mail(ctx context.Context, smtp server, mails int) (s sample, err error) {
	if err := f.awaitShares(ctx); err != nil {
		return nil, err
	}
	altaBefore, sharedBefore, err := f.spent()
	if err != nil {
		return nil, err
	}
	began := f.now()
	if err := execute(ctx, f.url, fmt.Sprintf(`UPDATE deliveries SET due_at = %d WHERE id IN (SELECT id FROM deliveries ORDER BY id LIMIT %d)`,
		began.UnixMilli(), mails)); err != nil {
		return nil, fmt.Errorf("let the mails fall due: %w", err)
	}
	perSecond, err := f.arrivals(ctx, smtp, mails)
	if err != nil {
		return nil, err
	}
	alta, shared, err := f.spent()
	if err != nil {
		return nil, err
	}
	took := f.now().Sub(began)
	s = sample{rate: perSecond, wall: took.Seconds()}
	s.spend(alta-altaBefore, shared-sharedBefore, mails, took)
	return s, nil
}

// awaitShares waits until each machine has its share for good.
func (f *fleet) awaitShares(ctx context.Context) error {
	for _, m := range f.machines {
		if err := awaitLine(ctx, m.log.Name(), fmt.Sprintf(`"machines":%d,`, len(f.machines))); err != nil {
			return err
		}
	}
	return nil
}

// spent is the CPU time so far of all machines, and of the server of their ledger.
func (f *fleet) spent() (alta, shared time.Duration, err error) {
	for _, m := range f.machines {
		one, err := spent(m.cmd.Process.Pid)
		if err != nil {
			return 0, 0, err
		}
		alta += one
	}
	shared, err = f.shared.postmaster.spent()
	return alta, shared, err
}

// arrivals waits for all mails, and returns how many a second arrived behind those
// that were seen first.
func (f *fleet) arrivals(ctx context.Context, smtp server, mails int) (perSecond float64, err error) {
	var first, latest int
	var began time.Time // when the first ones were seen
	for at := f.now(); ; {
		n, err := smtp.count()
		if err != nil {
			return 0, err
		}
		if n > latest {
			latest, at = n, f.now()
			if first == 0 {
				first, began = n, at
			}
		}
		if latest >= mails {
			return float64(latest-first) / max(at.Sub(began).Seconds(), sampleEvery.Seconds()), nil
		}
		if f.now().Sub(at) > stallsAfter {
			return 0, fmt.Errorf("the fleet sent %d of %d mails and then none for %v", latest, mails, stallsAfter)
		}
		if err := pause(ctx, sampleEvery); err != nil {
			return 0, err
		}
	}
}

// end ends all machines and returns the most memory that one of them had.
func (f *fleet) end() (most int64, err error) {
	for _, m := range f.machines {
		u, endErr := m.child.end()
		most = max(most, u.peak)
		err = errors.Join(err, endErr, m.log.Close())
	}
	return most, err
}

// explain adds what the machines said last.
func (f *fleet) explain(err error) error {
	for _, m := range f.machines {
		text, _ := os.ReadFile(m.log.Name()) // it is a help, and no more
		err = fmt.Errorf("%w\n%s:\n%s", err, filepath.Base(m.log.Name()), tail(string(text)))
	}
	return err
}
