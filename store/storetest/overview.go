package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) overview() store.Overview {
	f.t.Helper()
	o, err := f.Overview(f.t.Context(), f.now)
	f.must(err)
	return o
}

// verifiedIn enrols and invites a user who is verified so much later, and leaves the
// clock as it was.
func (f *fixture) verifiedIn(id string, c pipeline.Country, took time.Duration) {
	f.t.Helper()
	f.enrol(person(id, c))
	f.mail()
	began := f.now
	f.now = f.now.Add(took)
	f.mark(id, pipeline.Verified)
	f.now = began
}

func (f *fixture) wantVerified(want map[time.Duration]int) {
	f.t.Helper()
	got := map[time.Duration]int{}
	for _, v := range f.overview().Verified {
		if v.Users > 0 && v.Country == pipeline.MX {
			got[v.Within] = v.Users
		}
	}
	equal(f, "verified within", got, want)
}

func overviewBehaviours() []behaviour {
	return []behaviour{
		{"an empty ledger has nothing to show", func(f *fixture) {
			equal(f, "overview", f.overview(), store.Overview{
				Funnel: []store.Funnel{{Country: pipeline.MX}, {Country: pipeline.DO}}, Verified: store.NobodyVerified(),
			})
		}},
		{"it shows what the status shows, and the latest ten runs", func(f *fixture) {
			f.oneOfEach()
			for range 12 {
				f.run()
			}
			o, st := f.overview(), f.status()
			equal(f, "funnel", o.Funnel, st.Funnel)
			equal(f, "queue", o.Queue, st.Queue)
			equal(f, "pauses", o.Pauses, st.Pauses)
			equal(f, "runs", o.Runs, f.runs(10))
			equal(f, "how many runs", len(o.Runs), 10)
		}},
		{"mails count in the hour in which they were sent, by country and step", func(f *fixture) {
			hour := f.now
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX), person("cid", pipeline.DO))
			q := f.run()
			for i, b := 0, f.pull(q, 3); i < 3; i++ {
				f.now = f.now.Add(25 * time.Minute)
				f.send(q, &b.Deliveries[i])
			}
			f.now = hour.Add(20 * time.Hour)
			f.resend("ana", pipeline.Reissue)
			f.mail()
			equal(f, "mails", f.overview().Mails, []store.MailsInHour{
				{Hour: hour, Country: pipeline.MX, Step: pipeline.Invite, Mails: 2},
				{Hour: hour.Add(time.Hour), Country: pipeline.DO, Step: pipeline.Invite, Mails: 1},
				{Hour: hour.Add(20 * time.Hour), Country: pipeline.MX, Step: pipeline.Reissue, Mails: 1},
			})
		}},
		{"what a user becomes later changes nothing about the mails that were sent", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			before := f.overview().Mails
			f.enrol(person("ana", pipeline.DO))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			equal(f, "mails", f.overview().Mails, before)
		}},
		{"mails of more than a month ago are no longer shown", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.now = f.now.Add(31 * 24 * time.Hour)
			equal(f, "mails after 31 days", len(f.overview().Mails), 1)
			f.now = f.now.Add(time.Hour)
			equal(f, "mails after that", len(f.overview().Mails), 0)
		}},
		{"attempts that went wrong count by hour and outcome", func(f *fixture) {
			hour := f.now
			f.oneOfEach()
			f.enrol(person("late", pipeline.MX))
			q := f.run()
			for _, d := range f.pull(q, 5).Deliveries {
				f.record(q, &d, &pipeline.Fault{Kind: pipeline.Fail, Code: "later"})
			}
			equal(f, "troubles", f.overview().Troubles, []store.TroublesInHour{
				{Hour: hour, Outcome: pipeline.OutcomeFailed, Attempts: 1},
				{Hour: hour, Outcome: pipeline.OutcomeHeld, Attempts: 1},
				{Hour: hour, Outcome: pipeline.OutcomeDoubt, Attempts: 1},
				{Hour: f.now, Outcome: pipeline.OutcomeFailed, Attempts: 3}, // "mailed" got a reminder, "waiting" and "late" an invite
			})
		}},
		{"a pending user who has opened the link is counted, once and until done", func(f *fixture) {
			d := f.invited("ana")
			equal(f, "opened", f.overview().Funnel[0].Opened, 0)
			f.visit(d, pipeline.Scanned, 1, f.now)
			equal(f, "opened after a scan", f.overview().Funnel[0].Opened, 0)
			f.visit(d, pipeline.Opened, 2, f.now)
			f.visit(d, pipeline.Minted, 1, f.now)
			equal(f, "funnel", f.overview().Funnel[0], store.Funnel{Country: pipeline.MX, Users: 1, Mailed: 1, Opened: 1})
			f.enrol(person("ana", pipeline.DO))
			equal(f, "funnel of the new country", f.overview().Funnel[1], store.Funnel{Country: pipeline.DO, Users: 1, Mailed: 1, Opened: 1})
			f.mark("ana", pipeline.InReview)
			equal(f, "opened when in review", f.overview().Funnel[1].Opened, 0)
			f.mark("ana", pipeline.Pending)
			equal(f, "opened when pending again", f.overview().Funnel[1].Opened, 1)
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			equal(f, "opened when erased", f.overview().Funnel[1].Opened, 0)
		}},
		{"the time from the invite to verified falls within its bound", func(f *fixture) {
			const day = 24 * time.Hour
			for i, took := range []time.Duration{0, time.Hour - time.Millisecond, time.Hour, 6 * time.Hour, day, 3 * day, 7 * day, 14*day - time.Millisecond, 14 * day, 100 * day} {
				f.verifiedIn(string(rune('a'+i)), pipeline.MX, took)
			}
			f.verifiedIn("do", pipeline.DO, 2*time.Hour)
			f.enrol(person("uninvited", pipeline.MX))
			f.mark("uninvited", pipeline.Verified)
			f.wantVerified(map[time.Duration]int{time.Hour: 2, 6 * time.Hour: 1, day: 1, 3 * day: 1, 7 * day: 1, 14 * day: 2, 0: 2})
			f.enrol(person("do", pipeline.MX))
			f.wantVerified(map[time.Duration]int{time.Hour: 2, 6 * time.Hour: 2, day: 1, 3 * day: 1, 7 * day: 1, 14 * day: 2, 0: 2})
		}},
	}
}
