package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// RunOptions bound a run. Done, when set, is told of every verdict, from
// several goroutines one at a time; the delivery is its own until it returns.
type RunOptions struct {
	Workers int // deliveries in flight, at least 1
	Limit   int // most deliveries to pull; 0 is no limit
	Now     Clock
	Done    func(d *Delivery, v Verdict, soFar Report)
}

// mostPulled bounds what one pull claims: the ledger writes nothing else
// meanwhile, and what is in flight waits for it.
const mostPulled = 256

// Run pulls deliveries until none is due and hands them to its workers. It
// stops early on an outage, when ctx ends, or when the ledger fails; then what
// was claimed goes back, what is in flight is brought to its end, and Run
// returns only after that. Its error is the ledger's.
func Run(ctx context.Context, ledger Puller, deliver Deliver, o RunOptions) (Report, error) {
	start := o.Now()
	o.Workers = max(o.Workers, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	// A quarter of what is in flight waits behind it, so that the workers are
	// busy while the next pull is under way. With fewer than four workers a pull is
	// not worth that.
	r := &run{options: o, stop: stop, deliver: deliver, backlog: make(chan *Delivery, o.Workers/4)}
	err := r.pullUntilDry(ctx, ledger)
	close(r.backlog)
	r.workers.Wait()

	r.report.DurationMS = o.Now().Sub(start).Milliseconds()
	return r.report, errors.Join(err, r.err)
}

type run struct {
	options RunOptions
	stop    context.CancelFunc
	deliver Deliver

	backlog chan *Delivery // claimed, for the next worker that is free
	claimed sync.WaitGroup // deliveries that were pulled and have no verdict yet
	workers sync.WaitGroup
	started int // workers

	mu     sync.Mutex // guards what follows
	report Report
	err    error
}

func (r *run) pullUntilDry(ctx context.Context, ledger Puller) error {
	pulled, busy := 0, false
	for ctx.Err() == nil {
		n := min(2*r.options.Workers, mostPulled)
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
		r.hand(ctx, batch.Deliveries)
		empty := len(batch.Deliveries) == 0
		if !empty && !batch.Probe {
			busy = true
			continue
		}
		// A probe's result decides what may be pulled next, and so can the
		// verdict on what is still in flight.
		r.claimed.Wait()
		if empty && !busy {
			r.notePauses(batch.Pauses)
			return nil
		}
		busy = false
	}
	return nil
}

// hand gives each delivery to a worker, and starts workers until there are
// enough. After a stop they put back what they are given, so that every claim
// ends.
func (r *run) hand(ctx context.Context, deliveries []Delivery) {
	for i := range deliveries {
		d := &deliveries[i]
		r.claimed.Add(1)
		if r.started == r.options.Workers {
			r.backlog <- d
			continue
		}
		r.started++
		r.workers.Go(func() {
			r.work(ctx, d)
			for d := range r.backlog {
				r.work(ctx, d)
			}
		})
	}
}

// work brings one delivery to its end and forgets it: the others of its batch
// may be under way for long, and keep it in memory.
func (r *run) work(ctx context.Context, d *Delivery) {
	defer r.claimed.Done()
	v, err := r.deliver(ctx, d)
	r.note(d, v, err)
	*d = Delivery{}
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
