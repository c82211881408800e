package fleet

import (
	"time"

	"github.com/riverqueue/river"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// Schedule tells the moments at which runs are made. Its Next is that of
// [cron.Schedule], on the clock of the schedule's zone.
type Schedule interface {
	Next(time.Time) time.Time
}

// clock makes River go by the database's clock. Its own services would go by this
// machine's, which may be minutes off: slots would be rung for early or late, and
// jobs put off by the difference.
type clock struct{ *postgres.Clock }

// Now implements [rivertype.TimeGenerator].
func (c clock) Now() time.Time { return c.Monotonic() }

// NowOrNil implements [rivertype.TimeGenerator]. With nil, a statement takes the
// database's own now.
func (clock) NowOrNil() *time.Time { return nil }

// ringing is the schedule on the clock of its zone.
type ringing struct {
	schedule Schedule
	zone     *time.Location
}

// Next implements [river.PeriodicSchedule].
func (r ringing) Next(now time.Time) time.Time {
	next := r.schedule.Next(now.Round(0).In(r.zone))
	if next.IsZero() {
		return now.AddDate(100, 0, 0) // never
	}
	return next
}

// Timers ring a little early or late, so that a slot counts as rung for at its
// moment within a few seconds of it.
const (
	earliest = time.Second
	latest   = 5 * time.Second
)

// rings returns the periodic job of the schedule; slotAt tells the latest slot up to
// a moment. The job rings, too, each time that a machine becomes River's leader: its
// slot may have been missed then, which whoever works the job looks up. The ledger
// lets each slot begin one run, however often it is rung for.
func rings(r ringing, slotAt func(time.Time) time.Time, clock pipeline.Clock) *river.PeriodicJob {
	return river.NewPeriodicJob(r, func() (river.JobArgs, *river.InsertOpts) {
		now := clock()
		slot := slotAt(now.Add(earliest))
		if slot.IsZero() {
			return nil, nil
		}
		return pullArgs{Trigger: store.BySchedule, Slot: slot.UnixMilli(), Missed: now.Sub(slot) > latest}, nil
	}, &river.PeriodicJobOpts{ID: "alta_schedule", RunOnStart: true})
}
