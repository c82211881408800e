package storetest

import (
	"fmt"
	"time"

	"alta/pipeline"
	"alta/store"
)

func recordBehaviours() []behaviour {
	return []behaviour{
		{"every outcome leaves the right state, attempt and next delivery", everyOutcome},
		{"a sent mail counts in the history, and the first one is the invite", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			first := f.now
			f.mail()
			f.now = f.now.Add(24 * time.Hour)
			f.mail()
			equal(f, "history", f.find("ana").History, pipeline.History{Mails: 2, InvitedAt: first, LastAt: f.now, LinkExpiresAt: f.now.Add(linkTTL)})
			equal(f, "receipt", f.deliveries("ana")[1].Receipt, "250 2.0.0 Ok")
			equal(f, "first link is superseded", f.deliveries("ana")[0].Link.Superseded, true)
			equal(f, "second link is superseded", f.deliveries("ana")[1].Link.Superseded, false)
		}},
		{"rounds count for each step", func(f *fixture) {
			f.plan.Reminders = nil
			f.enrol(person("ana", pipeline.MX))
			for range 3 {
				f.mail()
				f.now = f.now.Add(linkTTL)
			}
			f.wantDeliveries("ana", "invite 1 sent", "reissue 1 sent", "reissue 2 sent", "reissue 3 due")
		}},
		{"a user who was verified while the mail was on the wire is owed nothing more", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.mark("ana", pipeline.Verified)
			f.record(q, d, nil)
			f.wantDeliveries("ana", "invite 1 sent")
			equal(f, "mails", f.find("ana").History.Mails, 1)
		}},
		{"a retry for a user who was verified meanwhile is cancelled", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.mark("ana", pipeline.Verified)
			f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"})
			f.wantDeliveries("ana", "invite 1 cancelled")
			equal(f, "attempts", len(f.latest("ana").Attempts), 1)
		}},
		{"an address that was corrected while the old one was refused gets the mail", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			better := person("ana", pipeline.MX)
			better.Email = "ana.torres@example.com"
			f.enrol(better)
			f.record(q, d, refused())
			equal(f, "bad", f.find("ana").AddressBad, false)
			again := f.claim(f.run())
			equal(f, "goes to", again.User.Email, "ana.torres@example.com")
		}},
		{"a bad address ends the mail to the user", func(f *fixture) {
			f.badAddress("ana")
			f.wantDeliveries("ana", "invite 1 failed")
			equal(f, "bad", f.find("ana").AddressBad, true)
			equal(f, "status", f.find("ana").User.Status, pipeline.Pending)
		}},
		{"attempts add up in order with what the server said", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			want := []store.AttemptRecord{}
			for i := range 2 {
				d := f.claim(q)
				f.begin(q, d)
				d.Receipt.Reply = fmt.Sprintf("451 4.2.%d later", i)
				code := fmt.Sprintf("smtp.4.2.%d", i)
				want = append(want, store.AttemptRecord{At: f.now, Outcome: pipeline.OutcomeRetry, Code: code, Reason: "later", Reply: d.Receipt.Reply})
				f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: code, Reason: "later"}).DueAt)
			}
			want = append(want, store.AttemptRecord{At: f.now, Outcome: pipeline.OutcomeSent, Reply: "250 2.0.0 Ok"})
			f.mail()
			equal(f, "attempts", f.deliveries("ana")[0].Attempts, want)
		}},
		{"a delivery that was put back is as it was", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			was := *d
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, d.DueAt), f.now))
			equal(f, "attempts", len(f.latest("ana").Attempts), 0)
			equal(f, "delivery", *f.claim(q), was)
		}},
		{"how the latest attempt ended outlives a put-back", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.until(f.record(q, f.claim(q), &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.not_found", Once: true}).DueAt)
			d := f.claim(q)
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, d.DueAt), f.now))
			equal(f, "code", f.claim(q).LastCode, "capa.not_found")
		}},
		{"a link that was minted in vain is kept for the next attempt", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.dial"}).DueAt)
			equal(f, "same link", f.claim(q).Link.URL.Equal(d.Link.URL), true)
		}},
		{"a due time is never rounded down", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			due := f.now.Add(time.Minute + time.Nanosecond)
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, due), f.now))
			equal(f, "due time", f.latest("ana").DueAt, f.now.Add(time.Minute+time.Millisecond))
		}},
		{"only the owner may record, and only once", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			v := f.plan.Judge(d, nil, f.now)
			stranger := f.run()
			before := f.dump()
			f.wantUnclassified(stranger.Record(f.t.Context(), d, v, f.now))
			equal(f, "ledger after a stranger's record", f.dump(), before)
			f.must(q.Record(f.t.Context(), d, v, f.now))
			after := f.dump()
			f.wantUnclassified(q.Record(f.t.Context(), d, v, f.now))
			equal(f, "ledger after a second record", f.dump(), after)
		}},
	}
}

func everyOutcome(f *fixture) {
	retry := func(free bool) error {
		return &pipeline.Fault{Kind: pipeline.Retry, Code: "test", Reason: "later", Free: free}
	}
	for name, c := range map[string]struct {
		err     error
		hold    bool // on_doubt = "hold"
		state   pipeline.State
		outcome pipeline.Outcome
		attempt int // the number of the next attempt; 0 when none follows
		next    bool
	}{
		"sent":          {nil, false, pipeline.Sent, pipeline.OutcomeSent, 0, true},
		"retry":         {retry(false), false, pipeline.Due, pipeline.OutcomeRetry, 2, false},
		"free retry":    {retry(true), false, pipeline.Due, pipeline.OutcomeRetry, 1, false},
		"failed":        {&pipeline.Fault{Kind: pipeline.Fail, Code: "test"}, false, pipeline.Failed, pipeline.OutcomeFailed, 0, false},
		"held":          {&pipeline.Fault{Kind: pipeline.Hold, Code: "test"}, false, pipeline.Held, pipeline.OutcomeHeld, 0, false},
		"cancelled":     {&pipeline.Fault{Kind: pipeline.Cancel, Code: "test"}, false, pipeline.Cancelled, pipeline.OutcomeCancelled, 0, true},
		"doubt, resend": {inDoubt(), false, pipeline.Due, pipeline.OutcomeDoubt, 2, false},
		"doubt, hold":   {inDoubt(), true, pipeline.InDoubt, pipeline.OutcomeDoubt, 0, false},
		"outage":        {&pipeline.Fault{Kind: pipeline.Outage, Code: "test"}, false, pipeline.Due, pipeline.OutcomeRetry, 1, false},
	} {
		f.plan.ResendDoubt = !c.hold
		f.enrol(person(name, pipeline.MX))
		q := f.run()
		d := f.claim(q)
		f.begin(q, d)
		v := f.record(q, d, c.err)

		all := f.deliveries(name)
		equal(f, name+": state", all[0].State, c.state)
		equal(f, name+": attempts", len(all[0].Attempts), 1)
		equal(f, name+": outcome", all[0].Attempts[0].Outcome, c.outcome)
		equal(f, name+": has a next delivery", len(all) == 2, c.next)
		if c.attempt > 0 {
			f.until(v.DueAt)
			d = f.claim(q)
			equal(f, name+": attempt", d.Attempt, c.attempt)
			f.send(q, d)
		}
		f.mark(name, pipeline.Verified)
	}
}
