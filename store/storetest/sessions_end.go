package storetest

import (
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func endingBehaviours() []behaviour {
	return []behaviour{
		{"who may have a verification is told apart by ticket and by app", func(f *fixture) {
			for status, want := range map[pipeline.Status]pipeline.OpeningKind{
				pipeline.Pending: pipeline.OpenMint, pipeline.InReview: pipeline.OpenMint, pipeline.Verified: pipeline.OpenRefuse,
				pipeline.Rejected: pipeline.OpenRefuse, pipeline.OptedOut: pipeline.OpenRefuse,
			} {
				id := string(status)
				d := f.invited(id)
				f.mark(id, status)
				o := f.wantAnswer(holds(d), want)
				equal(f, "status", o.User.Status, status)
				if want == pipeline.OpenMint {
					f.must(f.GiveUpSession(f.t.Context(), o.Session, false, f.now))
				}
				f.wantAnswer(app(id), want)
				f.mark(id, pipeline.Verified) // so that nothing of it is due
			}
		}},
		{"a withdrawn user gets no session", func(f *fixture) {
			f.source(person("ana", pipeline.MX))
			d := f.mailTicket()
			f.source()
			f.wantAnswer(holds(d), pipeline.OpenRefuse)
			f.wantAnswer(app("ana"), pipeline.OpenRefuse)
		}},
		{"a session is wiped when its user is done, and not in review", func(f *fixture) {
			for status, want := range map[pipeline.Status]pipeline.OpeningKind{
				pipeline.InReview: pipeline.OpenReuse, pipeline.Verified: pipeline.OpenMint,
				pipeline.Rejected: pipeline.OpenMint, pipeline.OptedOut: pipeline.OpenMint,
			} {
				id := string(status)
				f.enrol(person(id, pipeline.MX))
				f.openSession(app(id))
				f.mark(id, status)
				f.mark(id, pipeline.Pending)
				f.wantAnswer(app(id), want)
				f.mark(id, pipeline.Verified)
			}
		}},
		{"a session is wiped when it has expired, and not a moment before", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			l := f.openSession(app("ana"))
			rules := sessionRules()
			rules.MinLife = -linkTTL // as if an expired one could be used
			for _, c := range []struct {
				at   time.Time
				want pipeline.OpeningKind
			}{{l.ExpiresAt.Add(-time.Millisecond), pipeline.OpenReuse}, {l.ExpiresAt, pipeline.OpenMint}} {
				f.must(f.Shred(f.t.Context(), c.at))
				o, err := f.StartSession(f.t.Context(), app("ana"), rules, c.at)
				f.must(err)
				equal(f, "answer", o.Kind, c.want)
			}
		}},
		{"a session was minted for the country and the type that the user had", func(f *fixture) {
			for id, change := range map[string]func(*pipeline.User){
				"country": func(u *pipeline.User) { u.Country = pipeline.DO },
				"type":    func(u *pipeline.User) { u.Type = pipeline.Business },
			} {
				u := person(id, pipeline.MX)
				f.enrol(u)
				f.openSession(app(id))
				change(&u)
				f.enrol(u)
				o := f.wantAnswer(app(id), pipeline.OpenMint)
				equal(f, "user", o.User, f.find(id).User)
			}
		}},
		{"a link that was minted for the country that the user had before is not kept", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			o := f.wantAnswer(app("ana"), pipeline.OpenMint)
			f.enrol(person("ana", pipeline.DO))
			f.wantFault(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()), pipeline.Retry, "session_late")
			f.wantAnswer(app("ana"), pipeline.OpenMint)
			equal(f, "doubtful mints", f.status().Links.DoubtfulMints, 1)
		}},
		{"a link that was minted for a user who is done meanwhile is not kept", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			o := f.wantAnswer(app("ana"), pipeline.OpenMint)
			f.mark("ana", pipeline.Verified)
			f.wantFault(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()), pipeline.Cancel, "user_verified")
			n, err := f.SealedLinks(f.t.Context())
			f.must(err)
			equal(f, "sealed", n, 0)
		}},
		{"a session that is open is given up by nobody, and one that was given up is finished by nobody", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			o := f.wantAnswer(app("ana"), pipeline.OpenMint)
			f.must(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()))
			f.must(f.GiveUpSession(f.t.Context(), o.Session, true, f.now))
			f.wantAnswer(app("ana"), pipeline.OpenReuse)
			equal(f, "state", f.sessions("ana")[0].State, store.SessionOpen)

			f.enrol(person("bob", pipeline.MX))
			o = f.wantAnswer(app("bob"), pipeline.OpenMint)
			f.must(f.GiveUpSession(f.t.Context(), o.Session, false, f.now))
			f.wantFault(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()), pipeline.Retry, "session_late")
			equal(f, "state", f.sessions("bob")[0].State, store.SessionFailed)
		}},
		{"of a mint whose user is done meanwhile whoever mints knows whether it is in doubt", func(f *fixture) {
			for _, doubtful := range []bool{false, true} {
				id := map[bool]string{false: "ana", true: "bob"}[doubtful]
				f.enrol(person(id, pipeline.MX))
				o := f.wantAnswer(app(id), pipeline.OpenMint)
				f.must(f.Tell(f.t.Context(), id, pipeline.Verified, f.next, f.now))
				equal(f, "in doubt until then", f.sessions(id)[0].Doubtful, true)
				f.must(f.GiveUpSession(f.t.Context(), o.Session, doubtful, f.now))
				equal(f, "in doubt", f.sessions(id)[0].Doubtful, doubtful)
			}
			equal(f, "doubtful mints", f.status().Links.DoubtfulMints, 1)
		}},
		{"a probe that comes to nothing is not the user's, and one that opens is", func(f *fixture) {
			d := f.invited("ana")
			probe := pipeline.Holder{Ticket: d.Link.Ticket, Probe: true}
			for range 5 {
				f.must(f.GiveUpSession(f.t.Context(), f.wantAnswer(probe, pipeline.OpenMint).Session, true, f.now))
			}
			equal(f, "asked by", f.sessions("ana")[0].AskedBy, store.ByProbe)
			for _, who := range []pipeline.Holder{probe, holds(d), holds(d)} {
				o := f.wantAnswer(who, pipeline.OpenMint)
				l := f.sessionLink()
				l.ExpiresAt = f.now.Add(time.Minute) // too soon for it to be used again
				f.must(f.FinishSession(f.t.Context(), o.Session, l))
			}
			f.wantAnswer(holds(d), pipeline.OpenSpent)
		}},
		{"a session that never began is neither finished nor given up", func(f *fixture) {
			f.wantNotFound(f.FinishSession(f.t.Context(), 99, f.sessionLink()))
			f.wantNotFound(f.GiveUpSession(f.t.Context(), 99, true, f.now))
		}},
		{"a new data key forgets the sessions", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.openSession(app("ana"))
			n, err := f.SealedLinks(f.t.Context())
			f.must(err)
			equal(f, "sealed", n, 1)
			k := newKey(f.t)
			f.must(f.Rekey(f.t.Context(), k, operator, f.now))
			f.must(f.UseKey(f.t.Context(), k))
			n, err = f.SealedLinks(f.t.Context())
			f.must(err)
			equal(f, "sealed with the old key", n, 0)
			f.wantAnswer(app("ana"), pipeline.OpenMint)
		}},
		{"an erasure wipes the sessions, one that is being minted too", func(f *fixture) {
			d := f.invited("ana")
			f.openSession(holds(d))
			f.now = f.now.Add(linkTTL)
			o := f.wantAnswer(holds(d), pipeline.OpenMint)
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantFault(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()), pipeline.Cancel, "user_erased")
			_, err := f.StartSession(f.t.Context(), holds(d), sessionRules(), f.now)
			f.wantNotFound(err)
			f.wantAnswer(app("ana"), pipeline.OpenRefuse)
			n, err := f.SealedLinks(f.t.Context())
			f.must(err)
			equal(f, "sealed", n, 0)
			equal(f, "the bare facts", len(f.sessions("ana")), 2)
		}},
	}
}

func sharedBehaviours() []behaviour {
	return []behaviour{
		{"a session whose link another user's session has is for neither", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX))
			l := f.openSession(app("ana"))
			f.wantShared("bob", "ana and then bob", l)
			f.wantAnswer(app("ana"), pipeline.OpenMint)
		}},
		{"a session whose link another user's mail has is for neither", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.mint(d)
			f.keep(q, d)
			f.enrol(person("bob", pipeline.MX))
			f.wantShared("bob", "ana and then bob", d.Link)
			f.prepare(d)
			f.wantFault(q.Begin(f.t.Context(), d, f.now), pipeline.Retry, "link_superseded")
		}},
		{"a mail whose link another user's session has does not go, and nobody gets the session", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.DO))
			l := f.openSession(app("ana"))
			q := f.run()
			b := f.pull(q, 2).Deliveries
			d := &b[0]
			if d.User.ID == "ana" {
				d = &b[1]
			}
			d.Link = l
			fault := f.wantFault(q.Keep(f.t.Context(), d), pipeline.Outage, store.CodeSharedLink)
			equal(f, "names both", strings.Contains(fault.Reason, "ana and then bob"), true)
			f.wantAnswer(app("ana"), pipeline.OpenMint)
		}},
		{"a link that was for two users stays for nobody, the first of them too", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX))
			l := f.openSession(app("ana"))
			f.wantShared("bob", "ana and then bob", l)
			o := f.wantAnswer(app("ana"), pipeline.OpenMint)
			f.wantFault(f.FinishSession(f.t.Context(), o.Session, l), pipeline.Outage, store.CodeSharedLink)
		}},
		{"a partner who gives a user the same session again is believed", func(f *fixture) {
			d := f.invited("ana")
			l := f.openSession(holds(d))
			f.now = f.now.Add(linkTTL)
			o := f.wantAnswer(holds(d), pipeline.OpenMint)
			l.IssuedAt, l.ExpiresAt = f.now, f.now.Add(linkTTL)
			f.must(f.FinishSession(f.t.Context(), o.Session, l))
			equal(f, "link", f.wantAnswer(holds(d), pipeline.OpenReuse).Link, l)
		}},
	}
}

// wantShared has the user minted a link that another one has.
func (f *fixture) wantShared(id, names string, l pipeline.Link) {
	f.t.Helper()
	o := f.wantAnswer(app(id), pipeline.OpenMint)
	fault := f.wantFault(f.FinishSession(f.t.Context(), o.Session, l), pipeline.Outage, store.CodeSharedLink)
	if !strings.Contains(fault.Reason, names) {
		f.t.Errorf("the reason names nobody: %s", fault.Reason)
	}
	f.must(f.GiveUpSession(f.t.Context(), o.Session, true, f.now))
	equal(f, "state", f.sessions(id)[0].State, store.SessionFailed)
}
