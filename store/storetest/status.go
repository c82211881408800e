package storetest

import (
	"slices"
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) status() store.Status {
	f.t.Helper()
	st, err := f.Status(f.t.Context(), f.now)
	f.must(err)
	return st
}

func (f *fixture) wantCountDue(want int) {
	f.t.Helper()
	got, err := f.CountDue(f.t.Context(), f.now)
	f.must(err)
	equal(f, "due", got, want)
}

func (f *fixture) due(n int) []string {
	f.t.Helper()
	ds, err := f.Due(f.t.Context(), f.now, n)
	f.must(err)
	return users(ds)
}

func statusBehaviours() []behaviour {
	return []behaviour{
		{"an empty ledger counts nothing", func(f *fixture) {
			equal(f, "status", f.status(), store.Status{Funnel: []store.Funnel{{Country: pipeline.MX}, {Country: pipeline.DO}}})
			f.wantCountDue(0)
		}},
		{"the funnel counts each user once", func(f *fixture) {
			f.oneOfEach()
			for _, s := range []pipeline.Status{pipeline.InReview, pipeline.Rejected, pipeline.OptedOut} {
				f.enrol(person(string(s), pipeline.DO))
				f.mark(string(s), s)
			}
			f.enrol(person("erased", pipeline.DO))
			f.must(f.Erase(f.t.Context(), "erased", operator, f.now))
			st := f.status()
			equal(f, "funnel", st.Funnel, []store.Funnel{
				{Country: pipeline.MX, Users: 4, Waiting: 2, Mailed: 1, Verified: 1, Withdrawn: 1},
				{Country: pipeline.DO, Users: 7, Waiting: 3, InReview: 1, Rejected: 1, OptedOut: 1, Erased: 1},
			})
			for _, c := range st.Funnel {
				equal(f, "sum of "+string(c.Country), c.Waiting+c.Mailed+c.InReview+c.Verified+c.Rejected+c.OptedOut+c.Erased, c.Users)
			}
		}},
		{"a bad address shows in the funnel", func(f *fixture) {
			f.badAddress("ana")
			equal(f, "funnel", f.status().Funnel[0], store.Funnel{Country: pipeline.MX, Users: 1, Waiting: 1, BadEmail: 1})
		}},
		{"the queue counts what is not settled or went wrong", func(f *fixture) {
			f.oneOfEach()
			start := f.now.Add(-linkTTL)
			equal(f, "before the run", f.status().Queue, store.QueueStatus{DueNow: 2, Held: 1, Doubt: 1, Failed: 1, OldestDue: start})
			q := f.run()
			b := f.pull(q, 2)
			f.begin(q, &b.Deliveries[0])
			equal(f, "during the run", f.status().Queue, store.QueueStatus{Claimed: 1, Sending: 1, Held: 1, Doubt: 1, Failed: 1})
			v := f.record(q, &b.Deliveries[0], &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"})
			equal(f, "after the retry", f.status().Queue, store.QueueStatus{
				Later: 1, Retry: 1, Claimed: 1, Held: 1, Doubt: 1, Failed: 1,
				NextDue: v.DueAt.Add(time.Millisecond).Truncate(time.Millisecond),
			})
		}},
		{"the links that pending users hold are live or expired", func(f *fixture) {
			f.oneOfEach() // "mailed" and "doubt" hold links that have just expired
			equal(f, "links", f.status().Links, store.LinkStatus{Expired: 2})
			f.now = f.now.Add(-time.Millisecond)
			equal(f, "a moment before", f.status().Links, store.LinkStatus{Live: 2})
		}},
		{"pauses show", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.meet(f.run(), outage())
			equal(f, "pauses", f.status().Pauses, f.pauses())
			equal(f, "how many", len(f.pauses()), 1)
		}},
		{"what is shown as due is what a run takes", func(f *fixture) {
			f.enrolMany(pipeline.MX, 5)
			f.enrolMany(pipeline.DO, 2)
			f.enrol(person("verified", pipeline.MX))
			f.mark("verified", pipeline.Verified)
			f.resend("MX-03", pipeline.Invite)
			f.wantCountDue(7)
			shown := f.due(0)
			equal(f, "first", shown[0], "MX-03")
			equal(f, "the first two", f.due(2), shown[:2])
			q := f.run()
			taken := []string{}
			for b := f.pull(q, 4); len(b.Deliveries) > 0; b = f.pull(q, 4) {
				taken = append(taken, users(b.Deliveries)...)
			}
			slices.Sort(shown)
			slices.Sort(taken)
			equal(f, "taken", taken, shown)
			f.wantCountDue(0)
			equal(f, "due", f.due(0), []string{})
		}},
		{"what is paused is not shown as due", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			do := f.enrolMany(pipeline.DO, 2)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			equal(f, "due", f.due(0), do)
			b := f.pull(q, 10)
			equal(f, "pulled", users(b.Deliveries), do)
			f.record(q, &b.Deliveries[0], outage())
			equal(f, "due in an outage", f.due(0), []string{})
		}},
		{"a user whom nobody knows has no deliveries and no audit", func(f *fixture) {
			f.wantDeliveries("nobody")
			got, err := f.Audit(f.t.Context(), "nobody")
			f.must(err)
			equal(f, "audit", len(got), 0)
		}},
	}
}
