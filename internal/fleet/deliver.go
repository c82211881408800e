package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"alta/pipeline"
	"alta/store/postgres"
)

// deliverWorker brings deliveries to their end.
type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	member *Member
}

// Work implements [river.Worker]. The job's own context plays no part: each step of
// a mail has its time-out, and cutting it off in between would only make a doubt.
func (w *deliverWorker) Work(_ context.Context, job *river.Job[deliverArgs]) error {
	m := w.member
	// The wave comes first: whoever sees the share afterwards is told of its loss.
	mail, probe := m.wave.current()
	if !m.usable.Load() {
		return river.JobSnooze(againSoon) // another machine takes it
	}
	ctx := m.wave.base
	taken, err := m.queue.Take(ctx, job.Args.Delivery, job.ID, m.Clock.Now())
	if err != nil {
		return fmt.Errorf("look at delivery %d: %w", job.Args.Delivery, err)
	}
	d := &taken.Delivery
	switch taken.What {
	case postgres.Gone:
		return river.JobCancel(errSettled)
	case postgres.Paused:
		return w.settle(ctx, d, pipeline.PutBack(d, d.DueAt))
	case postgres.InDoubt:
		return w.settle(ctx, d, m.Work.Judge(d, true))
	case postgres.Interrupted:
		// Whoever had it before may have been minting its link.
		if v := m.Work.Judge(d, false); v.Tried {
			return w.settle(ctx, d, v)
		}
	}
	if d.Probe != nil {
		mail = probe
	}
	v, err := m.chain(mail, d)
	return w.end(d, v, err)
}

// settle writes down a verdict that no stage was asked for.
func (w *deliverWorker) settle(ctx context.Context, d *pipeline.Delivery, v pipeline.Verdict) error {
	return w.end(d, v, w.member.queue.Record(ctx, d, v, w.member.Clock.Now()))
}

// errSettled says that there is nothing left to do for a job.
var errSettled = errors.New("the ledger says that this delivery has been settled")

// end turns what became of the delivery into what River is to do with the job.
func (w *deliverWorker) end(d *pipeline.Delivery, v pipeline.Verdict, err error) error {
	m := w.member
	if errors.Is(err, postgres.ErrClaimLost) {
		m.Log.Warn("another machine took a delivery over while this one stood still; that one settles it", "delivery", d)
		return river.JobCancel(errSettled)
	}
	if err != nil {
		m.Log.Error("the ledger could not be written; the delivery is looked at again", "delivery", d, "error", err)
		return fmt.Errorf("record delivery %d: %w", d.ID, err)
	}
	if v.Stops() {
		m.wave.end()
	}
	m.settling.Lock()
	m.Work.Settled(d, v)
	m.settling.Unlock()
	return verb(v)
}

// verb is what a verdict is to River. A mail that is due again has no job any more:
// the next claim brings another one, once the guard, the pauses and the plan have
// had their say. What a server said stays in the ledger, where it can be erased.
func verb(v pipeline.Verdict) error {
	switch {
	case v.State == pipeline.Sent, v.State == pipeline.Due && !v.Tried:
		return nil
	}
	return river.JobCancel(fmt.Errorf("%s: %s", v.State, v.Code))
}

// retrySoon looks again at jobs that met a ledger that did not answer.
type retrySoon struct{ now pipeline.Clock }

// NextRetry implements [river.ClientRetryPolicy].
func (r retrySoon) NextRetry(*rivertype.JobRow) time.Time { return r.now().Add(againSoon) }
