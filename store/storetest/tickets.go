package storetest

import (
	"crypto/rand"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

const publicURL = "https://kyc.acme.example"

// last gives the delivery a lasting link, as the stage of that name does.
func (f *fixture) last(d *pipeline.Delivery) {
	f.t.Helper()
	f.must(pipeline.Lasting(publicURL, rand.Reader, func() time.Time { return f.now })(f.t.Context(), d))
}

// mailTicket sends the one delivery that is due with a lasting link.
func (f *fixture) mailTicket() *pipeline.Delivery {
	f.t.Helper()
	q := f.run()
	d := f.claim(q)
	f.last(d)
	f.send(q, d)
	return d
}

// invited enrols a user and sends the invite with a lasting link.
func (f *fixture) invited(id string) *pipeline.Delivery {
	f.t.Helper()
	f.enrol(person(id, pipeline.MX))
	return f.mailTicket()
}

func (f *fixture) ticket(d *pipeline.Delivery) pipeline.Ticket {
	f.t.Helper()
	t, err := f.Ticket(f.t.Context(), *d.Link.Ticket)
	f.must(err)
	return t
}

func (f *fixture) wantAlive(d *pipeline.Delivery, want bool) {
	f.t.Helper()
	equal(f, "the ticket is alive", f.ticket(d).Alive(), want)
}

func ticketBehaviours() []behaviour {
	return []behaviour{
		{"a ticket leads to the mail's link and its user", func(f *fixture) {
			d := f.invited("ana")
			equal(f, "ticket", f.ticket(d), pipeline.Ticket{LinkID: d.Link.ID, User: f.find("ana").User, Mails: 1})
			f.wantAlive(d, true)
		}},
		{"a ticket is found by its digest only", func(f *fixture) {
			d := f.invited("ana")
			f.enrol(person("bob", pipeline.MX))
			f.mail() // with a link that has no ticket
			token := strings.TrimPrefix(d.Link.URL.Reveal(), publicURL+pipeline.TicketPath)
			equal(f, "digest", pipeline.DigestTicket(token), *d.Link.Ticket)
			for _, other := range []string{token[1:], token + "A", strings.ToLower(token) + "a", "", d.Link.URL.Reveal()} {
				_, err := f.Ticket(f.t.Context(), pipeline.DigestTicket(other))
				f.wantNotFound(err)
			}
			_, err := f.Ticket(f.t.Context(), pipeline.TicketDigest{})
			f.wantNotFound(err)
		}},
		{"a lasting link has no end, and none is planned for", func(f *fixture) {
			f.plan.Reminders = nil
			f.invited("ana")
			equal(f, "link", f.latest("ana").Link, store.LinkRecord{IssuedAt: f.now})
			equal(f, "history", f.find("ana").History, pipeline.History{Mails: 1, InvitedAt: f.now, LastAt: f.now})
			f.wantDeliveries("ana", "invite 1 sent")
			f.now = f.now.AddDate(5, 0, 0)
			f.must(f.Shred(f.t.Context(), f.now))
			equal(f, "links", f.status().Links, store.LinkStatus{Live: 1})
			equal(f, "expired", f.selected(store.Selection{Expired: true}), []string{})
		}},
		{"a retry carries the very link of the attempt before", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt)
			again := f.claim(q)
			equal(f, "link", again.Link, d.Link)
			equal(f, "minted", len(again.Mints), 0)
			f.send(q, again)
			f.wantAlive(d, true)
		}},
		{"a lasting link is found again after a crash, and shredding leaves it", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.keep(q, d)
			f.wantRecovered(1, 0)
			f.now = f.now.AddDate(1, 0, 0)
			f.must(f.Shred(f.t.Context(), f.now))
			equal(f, "link", f.claim(f.run()).Link, d.Link)
		}},
		{"a mail in doubt goes out again with the same link", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.until(f.record(q, d, inDoubt()).DueAt)
			again := f.claim(q)
			f.wantSameMail(again, d)
			f.send(q, again)
			f.wantAlive(d, true)
		}},
		{"once the mail is sent only the digest is left", func(f *fixture) {
			d := f.invited("ana")
			token := strings.TrimPrefix(d.Link.URL.Reveal(), publicURL)
			f.wantAlive(d, true)
			n, err := f.SealedLinks(f.t.Context())
			f.must(err)
			equal(f, "sealed links", n, 0)
			for _, part := range []string{token, "acme.example/k"} {
				if strings.Contains(f.dump(), part) {
					f.t.Errorf("%q stands in the ledger", part)
				}
			}
		}},
		{"the ticket of an old mail still works after a newer mail", func(f *fixture) {
			old := f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			fresh := f.mailTicket()
			f.wantAlive(old, true)
			f.wantAlive(fresh, true)
			equal(f, "other link", f.ticket(old).LinkID == f.ticket(fresh).LinkID, false)
			equal(f, "the old one is superseded", f.deliveries("ana")[0].Link.Superseded, true)
		}},
		{"a lasting link that was superseded is never mailed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.last(d)
			f.begin(q, d)
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt)
			old := f.claim(q)
			fresh := *old
			fresh.Link = pipeline.Link{}
			f.last(&fresh)
			f.begin(q, &fresh)
			f.wantFault(q.Begin(f.t.Context(), old, f.now), pipeline.Retry, "link_superseded")
		}},
		{"a lasting link counts as no mint", func(f *fixture) {
			f.invited("ana")
			f.now = f.now.Add(24 * time.Hour)
			equal(f, "mints", len(f.claim(f.run()).Mints), 0)
		}},
		{"a ticket is dead when the user is done, and alive in review", func(f *fixture) {
			for status, alive := range map[pipeline.Status]bool{
				pipeline.InReview: true, pipeline.Verified: false, pipeline.Rejected: false, pipeline.OptedOut: false,
			} {
				d := f.invited(string(status))
				f.mark(string(status), status)
				f.wantAlive(d, alive)
				equal(f, "status", f.ticket(d).User.Status, status)
				f.mark(string(status), pipeline.Verified) // so that nothing of it is due
			}
		}},
		{"a ticket that an opt-out ended stays dead, and the next mail has one that lives", func(f *fixture) {
			old := f.invited("ana")
			f.mark("ana", pipeline.OptedOut)
			f.mark("ana", pipeline.Pending)
			equal(f, "dead", f.ticket(old).Dead, true)
			f.now = f.now.Add(24 * time.Hour)
			f.wantAlive(f.mailTicket(), true)
			f.wantAlive(old, false)
		}},
		{"an import that says opted out ends the tickets too", func(f *fixture) {
			d := f.invited("ana")
			u := person("ana", pipeline.MX)
			u.Status = pipeline.OptedOut
			f.enrol(u)
			equal(f, "dead", f.ticket(d).Dead, true)
		}},
		{"a withdrawn user's ticket is not alive until the query returns the user again", func(f *fixture) {
			f.source(person("ana", pipeline.MX))
			d := f.mailTicket()
			f.source()
			equal(f, "withdrawn", f.ticket(d).Withdrawn, true)
			f.wantAlive(d, false)
			f.source(person("ana", pipeline.MX))
			f.wantAlive(d, true)
		}},
		{"a new country takes nothing from the tickets of mails that were sent", func(f *fixture) {
			d := f.invited("ana")
			f.enrol(person("ana", pipeline.DO))
			f.wantAlive(d, true)
			equal(f, "country", f.ticket(d).User.Country, pipeline.DO)
		}},
		{"a new data key takes nothing from the tickets of mails that were sent", func(f *fixture) {
			d := f.invited("ana")
			k := newKey(f.t)
			f.must(f.Rekey(f.t.Context(), k, operator, f.now))
			f.must(f.UseKey(f.t.Context(), k))
			f.wantAlive(d, true)
		}},
		{"an erasure forgets the ticket", func(f *fixture) {
			d := f.invited("ana")
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			_, err := f.Ticket(f.t.Context(), *d.Link.Ticket)
			f.wantNotFound(err)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
		}},
		{"a user is verified since the ledger heard of it, whatever comes after", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			equal(f, "before", f.find("ana").VerifiedAt, time.Time{})
			f.now = f.now.Add(time.Hour)
			verified := f.now
			f.mark("ana", pipeline.Verified)
			f.now = f.now.Add(time.Hour)
			f.mark("ana", pipeline.Verified)
			equal(f, "verified", f.find("ana").VerifiedAt, verified)
			f.mark("ana", pipeline.Pending)
			equal(f, "pending again", f.find("ana").VerifiedAt, verified)
			u := person("ana", pipeline.MX)
			u.Status = pipeline.Verified
			f.enrol(u)
			equal(f, "verified again", f.find("ana").VerifiedAt, f.now)
		}},
	}
}
