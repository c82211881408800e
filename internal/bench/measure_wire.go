package main

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"time"
)

// measureSource is the limit of the wire: Postfix's own load generator, a ready
// message and nothing else.
func (b *bench) measureSource(ctx context.Context) (sample, error) {
	if b.source == "" {
		return nil, errNotHere
	}
	return b.inWorld(ctx, 0, b.mails, 0, func(w *world) (sample, error) {
		u, err := b.command(ctx, b.source, "-s", strconv.Itoa(smtpConnections), "-m", strconv.Itoa(b.mails),
			"-l", strconv.Itoa(b.body), "-d", "-f", senderAddress, "-t", "maria.nunez42@correo.example", w.link).run()
		return mailing(u, b.mails, u.wall), err
	})
}

// measureGoMail is go-mail alone.
func (b *bench) measureGoMail(ctx context.Context) (sample, error) {
	return b.inWorld(ctx, 0, b.mails, 0, func(w *world) (sample, error) {
		return b.mailByRole(ctx, "go-mail", task{SMTP: w.link, Mails: b.mails})
	})
}

// measureLoop is the straightforward loop.
func (b *bench) measureLoop(ctx context.Context) (sample, error) {
	list, err := b.list(seedDue, b.mails)
	if err != nil {
		return nil, err
	}
	return b.inWorld(ctx, 0, b.loopMails, b.loopMails, func(w *world) (s sample, err error) {
		folder, drop, err := b.empty()
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, drop()) }()
		return b.mailByRole(ctx, "loop", task{
			SMTP: w.link, API: w.api.address(), Mails: b.loopMails, People: list, Ledger: filepath.Join(folder, "loop.db"),
		})
	})
}

// mailByRole measures a rival that is a role of this program.
func (b *bench) mailByRole(ctx context.Context, role string, t task) (sample, error) {
	c, err := b.role(ctx, role, t)
	if err != nil {
		return nil, err
	}
	u, err := c.run()
	if err != nil {
		return nil, err
	}
	var a answer
	if err := c.decode(&a); err != nil {
		return nil, err
	}
	return mailing(u, t.Mails, time.Duration(a.Seconds*float64(time.Second))), nil
}

// measureAlta is the real program from end to end.
func (b *bench) measureAlta(latency time.Duration) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		return b.inWorld(ctx, latency, b.mails, b.mails, func(w *world) (sample, error) {
			return b.mailByAlta(ctx, w, ledgerDue, b.mails)
		})
	}
}

// measureRunLarge is the same among a million users who are not due.
func (b *bench) measureRunLarge(ctx context.Context) (sample, error) {
	return b.inWorld(ctx, 0, b.mails, b.mails, func(w *world) (sample, error) {
		return b.mailByAlta(ctx, w, ledgerRunLarge, b.mails)
	})
}

// mailByAlta runs alta over a copy of a ledger. It sends all that is due, or as
// many as there are to be.
func (b *bench) mailByAlta(ctx context.Context, w *world, ledger string, mails int) (s sample, err error) {
	folder, drop, err := b.fresh(ctx, ledger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	config, err := configure(folder, settings{api: w.api.address(), smtp: w.link, hours: anyTime})
	if err != nil {
		return nil, err
	}
	args := []string{"run", "--json"}
	if mails < b.mails { // less than all that is due
		args = append(args, "--limit", strconv.Itoa(mails))
	}
	c := b.altaCommand(ctx, config, args...)
	u, err := c.run()
	if err != nil {
		return nil, err
	}
	r, err := sentAll(c, mails)
	if err != nil {
		return nil, err
	}
	return mailing(u, mails, time.Duration(r.DurationMS)*time.Millisecond), nil
}

// measureProfiled is alta once more, profiled.
func (b *bench) measureProfiled(ctx context.Context) (sample, error) {
	return b.inWorld(ctx, 0, b.mails, b.mails, func(w *world) (s sample, err error) {
		folder, drop, err := b.fresh(ctx, ledgerDue)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, drop()) }()
		config, err := configure(folder, settings{api: w.api.address(), smtp: w.link, hours: anyTime})
		if err != nil {
			return nil, err
		}
		c, err := b.role(ctx, "profiled", task{
			Profile: b.profilePath(len(b.results.of(nameProfile, cpu))), Defaults: filepath.Join(b.root, "config.toml"),
			Args: []string{"run", "--json", "--config", config},
		})
		if err != nil {
			return nil, err
		}
		c.cmd.Env = altaEnvironment(c.cmd.Environ())
		u, err := c.run()
		if err != nil {
			return nil, err
		}
		r, err := sentAll(c, b.mails)
		if err != nil {
			return nil, err
		}
		return mailing(u, b.mails, time.Duration(r.DurationMS)*time.Millisecond), nil
	})
}

// mailing is the sample of a process that sent mails in so much time.
func mailing(u usage, mails int, d time.Duration) sample {
	s := sample{
		rate: float64(mails) / max(d.Seconds(), 0.001), // the report of a run counts in milliseconds
		cpu:  u.cpu.Seconds() * 1e6 / float64(mails),
		peak: float64(u.peak) / (1 << 20),
		wall: u.wall.Seconds(),
	}
	if u.flat > 0 {
		s[flat] = u.flat
	}
	return s
}
