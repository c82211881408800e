package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) wish(d *pipeline.Delivery) error {
	return f.AskLater(f.t.Context(), *d.Link.Ticket, f.plan.MaxMails, f.now)
}

// askLater asks after a session failed.
func (f *fixture) askLater(d *pipeline.Delivery) {
	f.t.Helper()
	if o := f.ask(holds(d)); o.Kind == pipeline.OpenMint {
		f.must(f.GiveUpSession(f.t.Context(), o.Session, false, f.now))
	}
	f.must(f.wish(d))
}

func (f *fixture) wantAskers(want ...string) {
	f.t.Helper()
	all, err := f.Askers(f.t.Context(), 10, f.now)
	f.must(err)
	ids := []string{}
	for _, u := range all {
		ids = append(ids, u.User.ID)
	}
	equal(f, "askers", ids, append([]string{}, want...))
}

func (f *fixture) answer(id string, want bool) {
	f.t.Helper()
	queued, err := f.AnswerAsker(f.t.Context(), id, f.plan.MaxMails, f.now)
	f.must(err)
	equal(f, "queued", queued, want)
}

func (f *fixture) wantTicketMails(d *pipeline.Delivery, mails int, noMail bool) {
	f.t.Helper()
	t, err := f.Ticket(f.t.Context(), *d.Link.Ticket)
	f.must(err)
	equal(f, "mails", t.Mails, mails)
	equal(f, "no mail", t.NoMail, noMail)
}

func askerBehaviours() []behaviour {
	return []behaviour{
		{"who asks is kept once, and the oldest come first", func(f *fixture) {
			f.wantAskers()
			ana := f.invited("ana")
			f.askLater(ana)
			f.now = f.now.Add(time.Minute)
			bob := f.invited("bob")
			f.askLater(bob)
			f.askLater(ana)
			f.wantAskers("ana", "bob")
			one, err := f.Askers(f.t.Context(), 1, f.now)
			f.must(err)
			equal(f, "the first", one, []store.Wisher{{User: f.find("ana").User, Ticket: *ana.Link.Ticket}})
		}},
		{"an asker is answered once, with a mail that is due at once", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.now = f.now.Add(time.Hour)
			f.answer("ana", true)
			f.wantAskers()
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 due")
			due := f.latest("ana")
			equal(f, "due time", due.DueAt, f.now)
			equal(f, "at any hour", due.Operator, true)
			f.answer("ana", false)
			f.wantAlive(f.mailTicket(), true) // within the gap
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "audit", got, []store.AuditEntry{{At: f.now, Actor: store.TheUser, Action: "ask_later", UserID: "ana", Detail: "reissue"}})
		}},
		{"who has had no mail yet gets the invite", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.askLater(d) // the server may have taken the mail all the same
			f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"})
			f.answer("ana", true)
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
		}},
		{"a mail on its way is the answer", func(f *fixture) {
			old := f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			q := f.run()
			d := f.claim(q)
			for _, step := range []func(){func() {}, func() { f.last(d); f.begin(q, d) }} {
				step()
				f.askLater(old)
				f.answer("ana", false)
				f.wantAskers()
			}
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 sending")
			equal(f, "audit", f.audited("ana"), []string{})
		}},
		{"a mail in doubt goes out again as the answer", func(f *fixture) {
			old := f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.record(q, d, inDoubt())
			f.askLater(old)
			f.answer("ana", true)
			f.wantSameMail(f.claim(f.run()), d)
		}},
		{"only who has a ticket that is alive can ask", func(f *fixture) {
			f.wantNotFound(f.AskLater(f.t.Context(), pipeline.DigestTicket("nobody's"), 9, f.now))
			for _, status := range []pipeline.Status{pipeline.Verified, pipeline.Rejected, pipeline.OptedOut} {
				d := f.invited(string(status))
				f.mark(string(status), status)
				f.wantFault(f.wish(d), pipeline.Cancel, "user_"+string(status))
			}
			f.wantAskers()
		}},
		{"who is done or opts out does not ask any more", func(f *fixture) {
			for _, end := range []func(*pipeline.Delivery){
				func(d *pipeline.Delivery) { f.mark(d.User.ID, pipeline.Verified) },
				func(d *pipeline.Delivery) { f.optOut(d, true) },
				func(d *pipeline.Delivery) { f.must(f.Erase(f.t.Context(), d.User.ID, operator, f.now)) },
			} {
				d := f.invited("user" + f.now.Format("150405"))
				f.askLater(d)
				end(d)
				f.wantAskers()
				f.now = f.now.Add(time.Minute)
			}
		}},
		{"who may not be mailed is not, and asks no more", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.mark("ana", pipeline.InReview)
			f.wantAskers("ana")
			f.answer("ana", false)
			f.wantAskers()
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
		}},
		{"who opted out and was mailed by an operator since may ask, and is answered", func(f *fixture) {
			f.optOut(f.invited("ana"), true)
			f.resend("ana", pipeline.Reissue)
			d := f.mailTicket()
			f.askLater(d)
			f.answer("ana", true)
			f.wantAlive(f.mailTicket(), true)
			f.wantCountDue(0)
		}},
		{"a user whose address is bad gets no answer", func(f *fixture) {
			d := f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			f.askLater(d)
			q := f.run()
			f.record(q, f.claim(q), refused())
			f.answer("ana", false)
			equal(f, "bad", f.find("ana").AddressBad, true)
			f.wantAskers()
		}},
		{"while no session of the country and type failed lately nobody asks", func(f *fixture) {
			d := f.invited("ana")
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishNeedless)
			fails := func(u pipeline.User) {
				f.enrol(u)
				f.must(f.GiveUpSession(f.t.Context(), f.wantAnswer(app(u.ID), pipeline.OpenMint).Session, true, f.now))
			}
			company := person("company", pipeline.MX)
			company.Type = pipeline.Business
			fails(company)
			fails(person("dominican", pipeline.DO))
			f.openSession(holds(d))
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishNeedless)
			fails(person("bob", pipeline.MX))
			f.now = f.now.Add(time.Hour)
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishNeedless)
			f.now = f.now.Add(-time.Millisecond)
			f.must(f.wish(d))
			f.wantAskers("ana")
		}},
		{"whose session is being minted for long may ask", func(f *fixture) {
			d := f.invited("ana")
			f.wantAnswer(holds(d), pipeline.OpenMint)
			f.must(f.wish(d))
			f.wantAskers("ana")
		}},
		{"nobody asks in review, nor who has had all mails", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.must(f.DropAsker(f.t.Context(), "ana"))
			f.plan.MaxMails = 1
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishVain)
			f.plan.MaxMails = 2
			f.must(f.wish(d))
			f.plan.MaxMails = 1
			f.answer("ana", false)
			f.wantAskers()
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 due")
			f.plan.MaxMails = 6
			f.mark("ana", pipeline.InReview)
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishVain)
			f.wantAskers()
		}},
		{"whom no mail may reach, as the ticket says, nobody asks for", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.must(f.DropAsker(f.t.Context(), "ana"))
			f.wantTicketMails(d, 1, false)
			f.hold("ana", "")
			f.wantTicketMails(d, 1, true)
			f.wantFault(f.wish(d), pipeline.Cancel, store.CodeWishVain)
			f.wantAskers()
			f.release("ana", "")
			f.wantTicketMails(d, 1, false)
			f.must(f.wish(d))
			f.wantAskers("ana")
			f.mark("ana", pipeline.InReview)
			f.wantTicketMails(d, 1, true)
		}},
		{"a wish is answered once a day, and another one waits until then", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			answered := f.now
			f.answer("ana", true)
			f.mailTicket()
			f.askLater(d)
			f.wantAskers()
			f.answer("ana", false)
			f.now = answered.Add(24*time.Hour - time.Millisecond)
			f.wantAskers()
			f.answer("ana", false)
			f.now = answered.Add(24 * time.Hour)
			f.wantAskers("ana")
			f.answer("ana", true)
			f.wantAskers()
		}},
		{"a wish that is dropped is answered by nobody, and what was answered is remembered", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.must(f.DropAsker(f.t.Context(), "ana"))
			f.must(f.DropAsker(f.t.Context(), "nobody"))
			f.wantAskers()
			f.answer("ana", false)
			f.askLater(d)
			f.answer("ana", true)
			f.mailTicket()
			f.askLater(d)
			f.must(f.DropAsker(f.t.Context(), "ana"))
			f.askLater(d)
			f.wantAskers()
		}},
		{"who is led to a link by a click needs no mail, and by a probe still does", func(f *fixture) {
			d := f.invited("ana")
			probe := pipeline.Holder{Ticket: d.Link.Ticket, Probe: true}
			f.askLater(d)
			f.openSession(probe)
			f.wantAnswer(probe, pipeline.OpenReuse)
			f.wantAskers("ana")
			f.wantAnswer(holds(d), pipeline.OpenReuse)
			f.wantAskers()
			f.must(f.wish(d))
			f.now = f.now.Add(linkTTL)
			f.wantAskers("ana")
			f.openSession(holds(d))
			f.wantAskers()
		}},
		{"nobody answers who never asked", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.answer("ana", false)
			f.answer("nobody", false)
			f.wantDeliveries("ana", "invite 1 due")
		}},
	}
}
