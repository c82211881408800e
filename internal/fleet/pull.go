package fleet

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"alta/store"
	"alta/store/postgres"
)

// againAfter is when a run that did not go well is made again.
const againAfter = 5 * time.Minute

// pullWorker makes runs.
type pullWorker struct {
	river.WorkerDefaults[pullArgs]
	member *Member
}

// Timeout implements [river.Worker]. A run that lasts longer goes on as another
// job.
func (*pullWorker) Timeout(*river.Job[pullArgs]) time.Duration { return longestPull }

// Work implements [river.Worker].
func (w *pullWorker) Work(ctx context.Context, job *river.Job[pullArgs]) error {
	m := w.member
	if m.draining.Load() {
		// A run that somebody waited for here may have no other machine to end it.
		if own, err := m.pullsFor(ctx, job.ID); err != nil || !own {
			return cmp.Or[error](err, river.JobSnooze(0)) // another machine takes it
		}
	}
	now := m.Clock.Now()
	if early := job.Args.slot().Sub(now); early > 0 {
		return river.JobSnooze(early)
	}
	slot, due, err := w.slotFor(ctx, job.Args, now)
	if err != nil || !due {
		return err
	}
	run, ok, err := m.Ledger.OpenRun(ctx, postgres.Opening{
		Run: job.Args.Run, Job: job.ID, Machine: m.id, Trigger: job.Args.Trigger, Slot: slot, AtMost: job.Args.AtMost, MinGap: m.MinGap,
	}, now)
	if err == nil && !ok && job.Args.Trigger == store.BySchedule {
		m.Log.Info("a slot was left out: it was served, or the run before it still goes on", "slot", slot)
	}
	if err != nil || !ok {
		return err
	}
	r := &running{Member: m, FleetRun: run}
	report, err := r.deliver(ctx)
	failed, isEnd := errors.AsType[*failure](err)
	switch {
	case errors.Is(err, errHandedOver):
		return nil
	case errors.Is(err, postgres.ErrRunLost):
		m.Log.Warn("another machine took a run over while this one stood still; that one ends it", "run", run.ID)
		return nil
	case isEnd:
		err = failed.error
	case err != nil:
		m.Log.Error("the ledger does not answer; the run goes on once it does", "run", run.ID, "error", err)
		return err // River brings the job again
	}
	if err = r.finish(context.WithoutCancel(ctx), report, err); errors.Is(err, postgres.ErrRunLost) {
		return nil
	}
	return err
}

// pullsFor tells whether this machine, which joined for one run and drains, pulls for
// the run of that job.
func (m *Member) pullsFor(ctx context.Context, job int64) (own bool, err error) {
	if m.Schedule != nil {
		return false, nil
	}
	run, err := m.Ledger.RunOfJob(ctx, job)
	return run.Machine == m.id && !run.Ended, err
}

// failure is an error that ends a run. Any other is the ledger's, and the run goes
// on once that answers again.
type failure struct{ error }

// slotFor tells which slot a ring is for, and whether there is anything to do. Of a
// slot that was missed, nobody has missed anything who has never run; and one that
// was served by a run which did not come to its end is gone on with.
func (w *pullWorker) slotFor(ctx context.Context, a pullArgs, now time.Time) (slot time.Time, due bool, err error) {
	if !a.Missed {
		return a.slot(), true, nil
	}
	last, complete, err := w.member.Ledger.LastSlot(ctx, now)
	switch {
	case err != nil || last.IsZero():
		return time.Time{}, false, err
	case a.slot().After(last):
		w.member.Log.Info("a run was missed; making it now", "last_slot", last)
		return a.slot(), true, nil
	case complete:
		return time.Time{}, false, nil
	}
	latest, err := w.member.Ledger.Runs(ctx, 1)
	if err != nil || len(latest) > 0 && latest[0].FinishedAt.IsZero() {
		return time.Time{}, false, err // it goes on, on another machine
	}
	w.member.Log.Info("the latest run did not come to its end; going on with it now", "slot", last)
	return time.Time{}, true, nil
}
