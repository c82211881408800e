package storetest

import (
	"crypto/rand"
	"time"

	"alta/pipeline"
	"alta/store"
)

// optOut has whoever got the mail opt out, and wants to be told whether that
// changed anything.
func (f *fixture) optOut(d *pipeline.Delivery, changed bool) pipeline.Ticket {
	f.t.Helper()
	t, did, err := f.OptOut(f.t.Context(), *d.Link.Ticket, f.now)
	f.must(err)
	equal(f, "changed", did, changed)
	return t
}

func optOutBehaviours() []behaviour {
	return []behaviour{
		{"an opt-out is honoured at once: what is due is cancelled and the tickets are dead", func(f *fixture) {
			d := f.invited("ana")
			ticket := f.optOut(d, true)
			equal(f, "ticket", ticket, f.ticket(d))
			equal(f, "status", ticket.User.Status, pipeline.OptedOut)
			equal(f, "dead", ticket.Dead, true)
			equal(f, "alive", ticket.Alive(), false)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
			equal(f, "code", f.latest("ana").Code, "user_opted_out")
		}},
		{"it can be repeated, and is audited once, as the user's own act", func(f *fixture) {
			d := f.invited("ana")
			f.optOut(d, true)
			f.optOut(d, false)
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "audit", got, []store.AuditEntry{{At: f.now, Actor: store.TheUser, Action: "opt_out", UserID: "ana", Detail: "pending -> opted_out"}})
		}},
		{"a user in review opts out too", func(f *fixture) {
			d := f.invited("ana")
			f.mark("ana", pipeline.InReview)
			f.optOut(d, true)
			equal(f, "status", f.find("ana").User.Status, pipeline.OptedOut)
		}},
		{"it does nothing to a user who is done", func(f *fixture) {
			for _, status := range []pipeline.Status{pipeline.Verified, pipeline.Rejected} {
				d := f.invited(string(status))
				f.mark(string(status), status)
				before := f.find(string(status))
				ticket := f.optOut(d, false)
				equal(f, "status", ticket.User.Status, status)
				equal(f, "dead", ticket.Dead, false)
				equal(f, "record", f.find(string(status)), before)
				equal(f, "audit", f.audited(string(status)), []string{"mark"})
			}
		}},
		{"a withdrawn user opts out, and stays so when the query returns the user again", func(f *fixture) {
			f.source(person("ana", pipeline.MX))
			d := f.mailTicket()
			f.source()
			f.optOut(d, true)
			f.source(person("ana", pipeline.MX))
			equal(f, "status", f.find("ana").User.Status, pipeline.OptedOut)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
		}},
		{"nobody opts out with a ticket that nobody knows", func(f *fixture) {
			_, _, err := f.OptOut(f.t.Context(), pipeline.DigestTicket("nobody's"), f.now)
			f.wantNotFound(err)
		}},
		{"what an operator asked for before is cancelled too", func(f *fixture) {
			d := f.invited("ana")
			f.resend("ana", pipeline.Reissue)
			f.optOut(d, true)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 cancelled")
		}},
		{"a mail that an operator asked for before and that is being prepared does not go", func(f *fixture) {
			for _, end := range []func(Queue, *pipeline.Delivery){
				func(q Queue, d *pipeline.Delivery) {
					f.last(d)
					f.prepare(d)
					f.keep(q, d)
					err := q.Begin(f.t.Context(), d, f.now)
					f.wantFault(err, pipeline.Cancel, "user_opted_out")
					f.record(q, d, err)
				},
				func(q Queue, d *pipeline.Delivery) {
					f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, d.DueAt), f.now))
				},
				func(Queue, *pipeline.Delivery) { f.recover() },
			} {
				id := "user" + f.now.Format("150405")
				old := f.invited(id)
				f.resend(id, pipeline.Reissue)
				q := f.run()
				d := f.claim(q)
				f.optOut(old, true)
				end(q, d)
				f.wantDeliveries(id, "invite 1 sent", "reminder 1 cancelled", "reissue 1 cancelled")
				f.now = f.now.Add(time.Minute)
			}
		}},
		{"nor does one whose user came back and opted out again meanwhile", func(f *fixture) {
			old := f.invited("ana")
			f.optOut(old, true)
			f.resend("ana", pipeline.Reissue)
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.prepare(d)
			f.keep(q, d)
			f.mark("ana", pipeline.Pending)
			f.optOut(old, true)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Cancel, "user_opted_out")
		}},
		{"nothing takes the place of a mail in doubt that an operator sent again before", func(f *fixture) {
			old := f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			f.doubt()
			f.resend("ana", pipeline.Reissue)
			q := f.run()
			d := f.claim(q)
			f.optOut(old, true)
			err := q.Begin(f.t.Context(), d, f.now)
			f.wantFault(err, pipeline.Cancel, "user_opted_out")
			f.record(q, d, err)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
		}},
		{"a fresh mail takes the place of one in doubt whose link was forgotten", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.until(f.record(q, d, inDoubt()).DueAt)
			k := newKey(f.t)
			f.must(f.Rekey(f.t.Context(), k, operator, f.now))
			f.must(f.UseKey(f.t.Context(), k))
			again := f.claim(q)
			lost := pipeline.Lasting(publicURL, rand.Reader, func() time.Time { return f.now })(f.t.Context(), again)
			f.record(q, again, lost)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 cancelled", "reissue 2 due")
			f.now = f.now.Add(f.plan.MinGap) // which nobody overrode for this one
			f.wantAlive(f.mailTicket(), true)
		}},
		{"an operator may mail a user who opted out, whose new ticket lives", func(f *fixture) {
			old := f.invited("ana")
			f.optOut(old, true)
			f.now = f.now.Add(time.Hour)
			f.resend("ana", pipeline.Reissue)
			d := f.mailTicket()
			f.wantAlive(d, true)
			f.wantAlive(old, false)
			equal(f, "status", f.find("ana").User.Status, pipeline.OptedOut)
			f.openSession(holds(d))
			f.wantAnswer(holds(d), pipeline.OpenReuse)
			f.wantAnswer(holds(old), pipeline.OpenRefuse)
			f.wantAnswer(app("ana"), pipeline.OpenRefuse)
		}},
		{"no mail follows by itself what an operator sent to a user who opted out", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			f.mailTicket()
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 sent")
			f.now = f.now.AddDate(0, 0, 30)
			f.enrol(person("ana", pipeline.MX))
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 sent")
			f.wantCountDue(0)
		}},
		{"such a mail is tried again like any other, with the same link", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt)
			again := f.claim(q)
			equal(f, "link", again.Link, d.Link)
			f.begin(q, again)
			f.until(f.record(q, again, inDoubt()).DueAt)
			u := person("ana", pipeline.MX)
			u.ExternalID = "x-1"
			f.enrol(u) // an import that changes the user leaves it alone
			repeat := f.claim(q)
			f.wantSameMail(repeat, again)
			f.send(q, repeat)
			f.wantAlive(repeat, true)
		}},
		{"such a mail is held, put back and taken over like any other", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			q := f.run()
			d := f.claim(q)
			f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, d.DueAt), f.now))
			f.claim(f.run())
			f.wantRecovered(1, 0)
			q = f.run()
			f.record(q, f.claim(q), &pipeline.Fault{Kind: pipeline.Hold, Code: "render"})
			equal(f, "state", f.latest("ana").State, pipeline.Held)
			f.resend("ana", pipeline.Reissue)
			f.wantAlive(f.mailTicket(), true)
		}},
		{"whoever opts out again by such a mail ends its ticket, and nothing else changes", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			d := f.mailTicket()
			f.resend("ana", pipeline.Reissue)
			ticket := f.optOut(d, false)
			equal(f, "dead", ticket.Dead, true)
			f.wantAlive(f.mailTicket(), true) // what the operator asked for after that
		}},
		{"a choice of users never means one who opted out, and a name does", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.now = f.now.Add(linkTTL)
			equal(f, "by country", f.selected(store.Selection{Country: pipeline.MX}), []string{})
			equal(f, "by name", f.selected(store.Selection{UserIDs: []string{"ana"}}), []string{"ana"})
		}},
	}
}
