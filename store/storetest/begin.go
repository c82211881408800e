package storetest

import (
	"errors"
	"time"

	"alta/pipeline"
	"alta/store"
)

func beginBehaviours() []behaviour {
	return []behaviour{
		{"the link, the Message-ID, the date and the digest outlive the process", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			rec := f.latest("ana")
			equal(f, "state", rec.State, pipeline.Sending)
			equal(f, "Message-ID", rec.MessageID, d.Message.ID)
			equal(f, "link", rec.Link, store.LinkRecord{IssuedAt: f.now, ExpiresAt: f.now.Add(linkTTL)})
			f.recover()
			f.now = f.now.Add(time.Hour)
			f.wantSameMail(f.claim(f.run()), d)
		}},
		{"a user who is no longer owed the mail gets none", noLongerOwed},
		{"a link that was superseded is never mailed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt)
			old := f.claim(q)
			fresh := *old
			f.mint(&fresh)
			f.begin(q, &fresh)
			f.wantFault(q.Begin(f.t.Context(), old, f.now), pipeline.Retry, "link_superseded")
		}},
		{"a new address puts the mail off at no cost", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			u := person("ana", pipeline.MX)
			u.Email = "ana.maria@example.com"
			f.enrol(u)
			f.prepare(d)
			f.keep(q, d)
			err := q.Begin(f.t.Context(), d, f.now)
			equal(f, "free", f.wantFault(err, pipeline.Retry, "user_changed").Free, true)
			f.until(f.record(q, d, err).DueAt)
			again := f.claim(q)
			equal(f, "address", again.User.Email, u.Email)
			equal(f, "attempt", again.Attempt, 1)
			equal(f, "the link is kept", again.Link.URL.Equal(d.Link.URL), true)
		}},
		{"a refusal leaves the delivery claimed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.mark("ana", pipeline.Verified)
			f.prepare(d)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Cancel, "user_verified")
			f.wantDeliveries("ana", "invite 1 claimed")
		}},
		{"a mail whose link was not kept does not begin", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.wantUnclassified(q.Begin(f.t.Context(), d, f.now))
			f.wantDeliveries("ana", "invite 1 claimed")
		}},
		{"a second mail within the gap is put off until it is over", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			first := f.now
			f.plan.MinGap = 0 // as if the plan had forgotten it
			_, err := f.Resend(f.t.Context(), "ana", pipeline.Reissue, false, operator, f.now)
			f.must(err)
			f.now = f.now.Add(time.Hour)
			f.plan.MinGap = 20 * time.Hour
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			err = q.Begin(f.t.Context(), d, f.now)
			fault := f.wantFault(err, pipeline.Retry, "min_gap")
			equal(f, "free", fault.Free, true)
			f.until(f.record(q, d, err).DueAt)
			equal(f, "due", f.now, first.Add(20*time.Hour))
			f.send(q, f.claim(q))
		}},
		{"a mail that an operator forces goes within the gap", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.resend("ana", pipeline.Reissue)
			f.now = f.now.Add(time.Hour)
			f.mail()
		}},
		{"a name that was changed meanwhile puts the mail off at no cost", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			u := person("ana", pipeline.MX)
			u.Name = "Ana María"
			f.enrol(u)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Retry, "user_changed")
		}},
		{"the gap counts from a doubt whatever operators did since", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.doubt()
			f.resend("ana", pipeline.Invite) // which lets it meet three doubts again
			q := f.run()
			d := f.claim(q)
			f.record(q, d, &pipeline.Fault{Kind: pipeline.Hold, Code: "doubt_changed"})
			_, err := f.Resend(f.t.Context(), "ana", pipeline.Invite, false, operator, f.now)
			f.must(err)
			d = f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Retry, "min_gap")
		}},
		{"the gap counts from a mail in doubt too, but not for its own repeat", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.doubt()
			f.mark("ana", pipeline.OptedOut)
			f.mark("ana", pipeline.Pending)
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Retry, "min_gap")

			f.enrol(person("bob", pipeline.MX))
			f.doubt()
			f.resend("bob", pipeline.Invite)
			f.mail()
		}},
		{"only the run that claimed a delivery may begin it", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.prepare(d)
			f.keep(q, d)
			stranger := *d
			f.wantUnclassified(f.run().Begin(f.t.Context(), &stranger, f.now))
			f.wantDeliveries("ana", "invite 1 claimed")
			f.begin(q, d)
			f.wantUnclassified(f.run().Begin(f.t.Context(), &stranger, f.now))
			d.Receipt.Reply = "250 2.0.0 Ok"
			f.record(q, d, nil)
			f.wantUnclassified(q.Begin(f.t.Context(), d, f.now))
		}},
		{"a mail that goes on to another connection begins again, if it is still owed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.must(q.Begin(f.t.Context(), d, f.now.Add(time.Second)))
			f.wantDeliveries("ana", "invite 1 sending")
			f.mark("ana", pipeline.Verified)
			err := q.Begin(f.t.Context(), d, f.now.Add(2*time.Second))
			f.wantFault(err, pipeline.Cancel, "user_verified")
			f.wantDeliveries("ana", "invite 1 sending")
			f.record(q, d, err)
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"a mail that has begun and waits for a connection can be put back as it was", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, f.now), f.now))
			f.wantDeliveries("ana", "invite 1 due")
			again := f.claim(f.run())
			equal(f, "attempt", again.Attempt, 1)
			equal(f, "repeat", again.Repeat, false)
			equal(f, "the link is kept", again.Link.URL.Equal(d.Link.URL), true)
		}},
		{"a user who is done by then gets none", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.mark("ana", pipeline.Verified)
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, f.now), f.now))
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"an owner who was given up for dead may not begin", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.recover()
			f.prepare(d)
			f.wantUnclassified(q.Begin(f.t.Context(), d, f.now))
			f.wantDeliveries("ana", "invite 1 due")
		}},
	}
}

func noLongerOwed(f *fixture) {
	for code, change := range map[string]func(id string){
		"user_verified":  func(id string) { f.mark(id, pipeline.Verified) },
		"user_rejected":  func(id string) { f.mark(id, pipeline.Rejected) },
		"user_in_review": func(id string) { f.mark(id, pipeline.InReview) },
		"user_opted_out": func(id string) { f.mark(id, pipeline.OptedOut) },
		"user_withdrawn": func(string) { f.source() },
	} {
		f.source(person(code, pipeline.MX))
		q := f.run()
		d := f.claim(q)
		change(code)
		f.prepare(d)
		err := q.Begin(f.t.Context(), d, f.now)
		f.wantFault(err, pipeline.Cancel, code)
		f.record(q, d, err)
		f.wantDeliveries(code, "invite 1 cancelled")
		equal(f, "code", f.latest(code).Code, code)
	}
}

func (f *fixture) wantFault(err error, kind pipeline.Kind, code string) *pipeline.Fault {
	f.t.Helper()
	fault, ok := errors.AsType[*pipeline.Fault](err)
	if !ok || fault.Kind != kind || fault.Code != code {
		f.t.Fatalf("error is %v, want a fault of kind %v with code %s", err, kind, code)
	}
	return fault
}

// wantUnclassified checks that the ledger itself refused, which a run takes
// for an outage.
func (f *fixture) wantUnclassified(err error) {
	f.t.Helper()
	if _, ok := errors.AsType[*pipeline.Fault](err); err == nil || ok {
		f.t.Fatalf("error is %v, want one that is no fault", err)
	}
}
