package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

// recover does what a process does that finds another one's orphans.
func (f *fixture) recover() (returned, doubted int) {
	f.t.Helper()
	returned, doubted, err := f.Recover(f.t.Context(), f.now, func(d *pipeline.Delivery, begun bool) pipeline.Verdict {
		if begun {
			return f.plan.Judge(d, inDoubt(), f.now)
		}
		return f.plan.JudgeClaimed(d, f.now, time.Hour)
	})
	f.must(err)
	return returned, doubted
}

func (f *fixture) wantRecovered(returned, doubted int) {
	f.t.Helper()
	gotReturned, gotDoubted := f.recover()
	equal(f, "returned", gotReturned, returned)
	equal(f, "doubted", gotDoubted, doubted)
}

func recoverBehaviours() []behaviour {
	return []behaviour{
		{"a claimed delivery goes back and pays no attempt", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.claim(f.run())
			f.wantRecovered(1, 0)
			f.wantDeliveries("ana", "invite 1 due")
			equal(f, "attempt", f.claim(f.run()).Attempt, 1)
		}},
		{"a claimed delivery without a link counts as a doubtful mint, one with a link does not", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX))
			q := f.run()
			b := f.pull(q, 2).Deliveries
			f.mint(&b[0])
			f.keep(q, &b[0])
			f.wantRecovered(2, 0)
			equal(f, "doubtful mints", f.status().Links.DoubtfulMints, 1)
			equal(f, "attempts at ana's", len(f.latest("ana").Attempts), 0)
			equal(f, "code of bob's", f.latest("bob").Attempts[0].Code, "interrupted")
		}},
		{"a claimed delivery to a user who was verified meanwhile is cancelled", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.claim(f.run())
			f.mark("ana", pipeline.Verified)
			f.wantRecovered(1, 0)
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"a mail that was on the wire is repeated when doubt is resent", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.now = f.now.Add(time.Minute)
			f.wantRecovered(0, 1)
			f.wantDeliveries("ana", "invite 1 due")
			equal(f, "outcome", f.latest("ana").Attempts[0].Outcome, pipeline.OutcomeDoubt)
			f.until(f.latest("ana").DueAt)
			again := f.claim(f.run())
			f.wantSameMail(again, d)
			equal(f, "doubts", again.Doubts, 1)
			equal(f, "attempt", again.Attempt, 2)
		}},
		{"a mail that was on the wire waits for an operator when doubt is held", func(f *fixture) {
			f.plan.ResendDoubt = false
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.begin(q, f.claim(q))
			f.wantRecovered(0, 1)
			f.wantDeliveries("ana", "invite 1 doubt")
			f.now = f.now.Add(365 * 24 * time.Hour)
			equal(f, "pulled", users(f.pull(f.run(), 10).Deliveries), []string{})
		}},
		{"the doubt about a user who was verified meanwhile is closed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.begin(q, f.claim(q))
			f.mark("ana", pipeline.Verified)
			f.wantRecovered(0, 1)
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"what is settled is left alone", func(f *fixture) {
			f.oneOfEach()
			for _, r := range f.runs(100) {
				f.must(f.FinishRun(f.t.Context(), r.ID, pipeline.Report{}, nil, f.now))
			}
			before := f.dump()
			f.now = f.now.Add(time.Hour)
			f.wantRecovered(0, 0)
			equal(f, "ledger", f.dump(), before)
		}},
		{"runs that never ended are closed", func(f *fixture) {
			f.run()
			done, _, err := f.StartRun(f.t.Context(), store.ByCommand, time.Time{}, f.plan.MinGap, f.now)
			f.must(err)
			f.must(f.FinishRun(f.t.Context(), done, pipeline.Report{Selected: 1, Sent: 1}, nil, f.now))
			f.now = f.now.Add(time.Minute)
			f.wantRecovered(0, 0)
			runs := f.runs(10)
			equal(f, "error of the one that ended", runs[0].Error, "")
			equal(f, "error of the one that did not", runs[1].Error, "the process ended before the run did")
			equal(f, "its end", runs[1].FinishedAt, f.now)
		}},
		{"a second time there is nothing to recover", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			q := f.run()
			f.begin(q, &f.pull(q, 2).Deliveries[0])
			f.pull(q, 1)
			f.wantRecovered(2, 1)
			f.wantRecovered(0, 0)
		}},
		{"an owner who was given up for dead may not record", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.recover()
			before := f.dump()
			f.wantUnclassified(q.Record(f.t.Context(), d, f.plan.Judge(d, nil, f.now), f.now))
			equal(f, "ledger", f.dump(), before)
		}},
	}
}
