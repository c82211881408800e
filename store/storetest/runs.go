package storetest

import (
	"errors"
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) runs(n int) []store.Run {
	f.t.Helper()
	got, err := f.Runs(f.t.Context(), n)
	f.must(err)
	return got
}

func (f *fixture) startSlot(slot time.Time) bool {
	f.t.Helper()
	_, ok, err := f.StartRun(f.t.Context(), store.BySchedule, slot, f.plan.MinGap, f.now)
	f.must(err)
	return ok
}

func runsBehaviours() []behaviour {
	return []behaviour{
		{"a slot of the schedule is served once", func(f *fixture) {
			equal(f, "first", f.startSlot(f.now), true)
			equal(f, "again", f.startSlot(f.now), false)
			equal(f, "the next slot", f.startSlot(f.now.Add(time.Minute)), true)
			equal(f, "runs", len(f.runs(10)), 2)
		}},
		{"runs without a slot never exclude each other", func(f *fixture) {
			f.run()
			f.run()
			equal(f, "runs", len(f.runs(10)), 2)
		}},
		{"the last slot is the latest one, and zero before the first", func(f *fixture) {
			last := func() time.Time {
				got, _, err := f.LastSlot(f.t.Context(), f.now)
				f.must(err)
				return got
			}
			f.run()
			equal(f, "before", last(), time.Time{})
			f.startSlot(f.now.Add(time.Hour))
			f.startSlot(f.now)
			f.now = f.now.Add(time.Hour)
			equal(f, "after", last(), f.now)
		}},
		{"a slot that lies ahead, from a clock that was ahead, hides none before it", func(f *fixture) {
			f.startSlot(f.now)
			f.startSlot(f.now.Add(24 * time.Hour))
			last, _, err := f.LastSlot(f.t.Context(), f.now.Add(time.Hour))
			f.must(err)
			equal(f, "last", last, f.now)
		}},
		{"a slot whose run did not come to its end left work behind", func(f *fixture) {
			complete := func() bool {
				_, complete, err := f.LastSlot(f.t.Context(), f.now)
				f.must(err)
				return complete
			}
			equal(f, "before the first", complete(), true)
			id, _, err := f.StartRun(f.t.Context(), store.BySchedule, f.now, f.plan.MinGap, f.now)
			f.must(err)
			equal(f, "under way", complete(), false)
			f.must(f.FinishRun(f.t.Context(), id, pipeline.Report{}, errors.New("stopped"), f.now))
			equal(f, "stopped", complete(), false)
			f.must(f.FinishRun(f.t.Context(), id, pipeline.Report{Outage: "wrong key"}, nil, f.now))
			equal(f, "ended by an outage", complete(), true)
		}},
		{"a run is kept as it was reported, newest first", func(f *fixture) {
			first, _, err := f.StartRun(f.t.Context(), store.ByResend, time.Time{}, f.plan.MinGap, f.now)
			f.must(err)
			second, _, err := f.StartRun(f.t.Context(), store.BySchedule, f.now, f.plan.MinGap, f.now)
			f.must(err)
			report := pipeline.Report{
				Selected: 21, Sent: 1, Retry: 2, Failed: 3, Held: 4, Doubt: 5, Cancelled: 6,
				Outage: "the key was refused", Minted: 7, DurationMS: 1500,
			}
			end := f.now.Add(1500 * time.Millisecond)
			f.must(f.FinishRun(f.t.Context(), first, report, errors.New("the disk is full"), end))
			equal(f, "runs", f.runs(10), []store.Run{
				{ID: second, Trigger: store.BySchedule, StartedAt: f.now},
				{ID: first, Trigger: store.ByResend, StartedAt: f.now, FinishedAt: end, Report: report, Error: "the disk is full"},
			})
			equal(f, "the latest alone", len(f.runs(1)), 1)
		}},
		{"a run that nobody began is not finished", func(f *fixture) {
			if err := f.FinishRun(f.t.Context(), 99, pipeline.Report{}, nil, f.now); err == nil {
				f.t.Fatal("a run that never began was finished")
			}
		}},
	}
}
