package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// RunOptions bound a run. Done, when set, is told of every verdict, from
// several goroutines one at a time.
type RunOptions struct {
	Workers int // deliveries in flight, at least 1
	Limit   int // most deliveries to pull; 0 is no limit
	Now     Clock
	Done    func(d *Delivery, v Verdict, soFar Report)
}

// Run pulls deliveries until none is due and hands them to its workers. It
// stops early on an outage, when ctx ends, or when the ledger fails; then what
// was claimed goes back, what is in flight is brought to its end, and Run
// returns only after that. Its error is the ledger's.
func Run(ctx context.Context, ledger Puller, deliver Deliver, o RunOptions) (Report, error) {
	start := o.Now()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	r := &run{options: o, stop: stop, slots: make(chan struct{}, max(o.Workers, 1))}
	err := r.pullUntilDry(ctx, ledger, deliver)
	r.inFlight.Wait()

	r.report.DurationMS = o.Now().Sub(start).Milliseconds()
	return r.report, errors.Join(err, r.err)
}

type run struct {
	options  RunOptions
	stop     context.CancelFunc
	slots    chan struct{}
	inFlight sync.WaitGroup

	mu     sync.Mutex // guards what follows
	report Report
	err    error
}

func (r *run) pullUntilDry(ctx context.Context, ledger Puller, deliver Deliver) error {
	pulled, busy := 0, false
	for ctx.Err() == nil {
		n := 2 * cap(r.slots)
		if r.options.Limit > 0 {
			n = min(n, r.options.Limit-pulled)
		}
		if n <= 0 {
			return nil
		}
		batch, err := ledger.Pull(ctx, r.options.Now(), n)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("pull due deliveries: %w", err)
		}
		pulled += len(batch.Deliveries)
		r.hand(ctx, batch.Deliveries, deliver)
		empty := len(batch.Deliveries) == 0
		if !empty && !batch.Probe {
			busy = true
			continue
		}
		// A probe's result decides what may be pulled next, and so can the
		// verdict on what is still in flight.
		r.inFlight.Wait()
		if empty && !busy {
			r.notePauses(batch.Pauses)
			return nil
		}
		busy = false
	}
	return nil
}

// hand gives each delivery to a worker. After a stop the workers put back what
// they are given, so that every claim ends.
func (r *run) hand(ctx context.Context, deliveries []Delivery, deliver Deliver) {
	for i := range deliveries {
		d := &deliveries[i]
		r.slots <- struct{}{}
		r.inFlight.Go(func() {
			defer func() { <-r.slots }()
			v, err := deliver(ctx, d)
			r.note(d, v, err)
		})
	}
}

func (r *run) note(d *Delivery, v Verdict, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Count(v)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("record delivery %d of user %s: %w", d.ID, d.User.ID, err)
	}
	if v.Stops() || err != nil {
		r.stop()
	}
	if r.options.Done != nil {
		r.options.Done(d, v, r.report)
	}
}

// notePauses reports an outage that is still in force: no probe showed that it
// is over, or none may be made yet. With its time come and nothing pulled, there
// is nothing to probe it with.
func (r *run) notePauses(pauses []Pause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range pauses {
		lasts := r.report.Selected > 0 || !p.Ripe(r.options.Now())
		if p.IsOutage() && lasts && r.report.Outage == "" {
			r.report.Outage = p.Reason
		}
	}
}
