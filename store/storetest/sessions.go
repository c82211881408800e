package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func sessionRules() pipeline.SessionRules {
	return pipeline.SessionRules{Budget: 3, MinLife: time.Hour, TTL: linkTTL, Lease: time.Minute}
}

func holds(d *pipeline.Delivery) pipeline.Holder { return pipeline.Holder{Ticket: d.Link.Ticket} }

func app(id string) pipeline.Holder { return pipeline.Holder{UserID: id} }

func (f *fixture) ask(who pipeline.Holder) pipeline.Opening {
	f.t.Helper()
	o, err := f.StartSession(f.t.Context(), who, sessionRules(), f.now)
	f.must(err)
	return o
}

func (f *fixture) wantAnswer(who pipeline.Holder, want pipeline.OpeningKind) pipeline.Opening {
	f.t.Helper()
	o := f.ask(who)
	equal(f, "answer", o.Kind, want)
	return o
}

// sessionLink is a link as the partner API mints it for a session.
func (f *fixture) sessionLink() pipeline.Link {
	f.minted++
	url := fmt.Sprintf("https://kyc.example.com/session?_al=secret%d==", f.minted)
	return pipeline.Link{URL: pipeline.NewSecret(url), IssuedAt: f.now, ExpiresAt: f.now.Add(linkTTL)}
}

// openSession mints a session for who asks.
func (f *fixture) openSession(who pipeline.Holder) pipeline.Link {
	f.t.Helper()
	o := f.wantAnswer(who, pipeline.OpenMint)
	l := f.sessionLink()
	f.must(f.FinishSession(f.t.Context(), o.Session, l))
	return l
}

func (f *fixture) sessions(id string) []store.SessionRecord {
	f.t.Helper()
	all, err := f.SessionsOf(f.t.Context(), id)
	f.must(err)
	return all
}

func sessionBehaviours() []behaviour {
	return slices.Concat(mintingBehaviours(), endingBehaviours(), sharedBehaviours())
}

func mintingBehaviours() []behaviour {
	return []behaviour{
		{"nobody gets a session for a ticket or a user whom nobody knows", func(f *fixture) {
			unknown := pipeline.DigestTicket("nobody's")
			for _, who := range []pipeline.Holder{{Ticket: &unknown}, app("nobody")} {
				_, err := f.StartSession(f.t.Context(), who, sessionRules(), f.now)
				f.wantNotFound(err)
			}
		}},
		{"whoever has a ticket mints, and gets the same link again", func(f *fixture) {
			d := f.invited("ana")
			o := f.wantAnswer(holds(d), pipeline.OpenMint)
			equal(f, "user", o.User, f.find("ana").User)
			l := f.sessionLink()
			f.must(f.FinishSession(f.t.Context(), o.Session, l))
			f.now = f.now.Add(time.Hour)
			again := f.wantAnswer(holds(d), pipeline.OpenReuse)
			equal(f, "link", again.Link, l)
			equal(f, "for the app", f.wantAnswer(app("ana"), pipeline.OpenReuse).Link, l)
		}},
		{"of fifty who ask at once one mints", func(f *fixture) {
			d := f.invited("ana")
			o := f.wantAnswer(holds(d), pipeline.OpenMint)
			for i := range 49 {
				who := holds(d)
				if i%2 == 0 {
					who = app("ana")
				}
				f.wantAnswer(who, pipeline.OpenWait)
			}
			f.must(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()))
			f.wantAnswer(holds(d), pipeline.OpenReuse)
			equal(f, "sessions", len(f.sessions("ana")), 1)
		}},
		{"of fifty who ask from as many goroutines one mints", oneOfManyMints},
		{"a session with no more left than the least life is minted anew", func(f *fixture) {
			d := f.invited("ana")
			l := f.openSession(holds(d))
			f.now = l.ExpiresAt.Add(-time.Hour - time.Millisecond)
			f.wantAnswer(holds(d), pipeline.OpenReuse)
			f.now = f.now.Add(time.Millisecond)
			f.wantAnswer(holds(d), pipeline.OpenMint)
		}},
		{"the session that lives longest is used again", func(f *fixture) {
			d := f.invited("ana")
			l := f.openSession(holds(d))
			f.now = l.ExpiresAt.Add(-time.Hour)
			fresh := f.openSession(holds(d))
			equal(f, "link", f.wantAnswer(holds(d), pipeline.OpenReuse).Link, fresh)
		}},
		{"once its lease is over a mint is in doubt, and another may mint", func(f *fixture) {
			d := f.invited("ana")
			late := f.wantAnswer(holds(d), pipeline.OpenMint)
			f.now = f.now.Add(time.Minute - time.Millisecond)
			f.wantAnswer(holds(d), pipeline.OpenWait)
			f.now = f.now.Add(time.Millisecond)
			fresh := f.wantAnswer(holds(d), pipeline.OpenMint)
			f.wantFault(f.FinishSession(f.t.Context(), late.Session, f.sessionLink()), pipeline.Retry, "session_late")
			f.must(f.GiveUpSession(f.t.Context(), late.Session, true, f.now))
			l := f.sessionLink()
			f.must(f.FinishSession(f.t.Context(), fresh.Session, l))
			equal(f, "link", f.wantAnswer(holds(d), pipeline.OpenReuse).Link, l)
			got := f.sessions("ana")
			equal(f, "sessions", len(got), 2)
			equal(f, "the late one", []any{got[0].State, got[0].Doubtful}, []any{store.SessionFailed, true})
			equal(f, "the other one", []any{got[1].State, got[1].Doubtful}, []any{store.SessionOpen, false})
			equal(f, "doubtful mints", f.status().Links.DoubtfulMints, 1)
		}},
		{"a mint that is late is kept while nobody else has begun", func(f *fixture) {
			d := f.invited("ana")
			o := f.wantAnswer(holds(d), pipeline.OpenMint)
			f.now = f.now.Add(time.Hour)
			f.must(f.FinishSession(f.t.Context(), o.Session, f.sessionLink()))
			f.wantAnswer(holds(d), pipeline.OpenReuse)
		}},
		{"shredding notes the mints whose lease is over", func(f *fixture) {
			f.wantAnswer(holds(f.invited("ana")), pipeline.OpenMint)
			f.now = f.now.Add(time.Minute - time.Millisecond)
			f.must(f.Shred(f.t.Context(), f.now))
			equal(f, "before", f.sessions("ana")[0].State, store.SessionMinting)
			f.now = f.now.Add(time.Millisecond)
			f.must(f.Shred(f.t.Context(), f.now))
			equal(f, "after", f.sessions("ana")[0].State, store.SessionFailed)
			equal(f, "doubtful mints", f.status().Links.DoubtfulMints, 1)
		}},
		{"the budget is for links, sessions and mints in doubt together", budgetOfAll},
		{"a mint of which nothing came costs nothing", func(f *fixture) {
			d := f.invited("ana")
			for range 5 {
				o := f.wantAnswer(holds(d), pipeline.OpenMint)
				f.must(f.GiveUpSession(f.t.Context(), o.Session, false, f.now))
			}
		}},
		{"a mint that is in doubt counts", func(f *fixture) {
			d := f.invited("ana")
			began := f.now
			for range 3 {
				o := f.wantAnswer(holds(d), pipeline.OpenMint)
				f.must(f.GiveUpSession(f.t.Context(), o.Session, true, f.now))
				f.now = f.now.Add(time.Minute)
			}
			o := f.wantAnswer(holds(d), pipeline.OpenSpent)
			equal(f, "opens", o.Opens, began.Add(pipeline.BudgetDay))
			f.now = o.Opens.Add(-time.Millisecond)
			f.wantAnswer(holds(d), pipeline.OpenSpent)
			f.now = o.Opens
			f.wantAnswer(holds(d), pipeline.OpenMint)
		}},
		{"a mail's delivery knows of the sessions, the first one too", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.openSession(app("ana"))
			o := f.ask(app("ana"))
			equal(f, "reused", o.Kind, pipeline.OpenReuse)
			equal(f, "mints", f.claim(f.run()).Mints, []time.Time{f.now})
		}},
		{"what is shown of a session is when, until when and who asked, never where to", func(f *fixture) {
			d := f.invited("ana")
			asked := f.now
			l := f.openSession(holds(d))
			f.now = l.ExpiresAt
			o := f.wantAnswer(app("ana"), pipeline.OpenMint)
			equal(f, "sessions", f.sessions("ana"), []store.SessionRecord{
				{AskedBy: store.ByClick, AskedAt: asked, State: store.SessionOpen, LeaseEnds: asked.Add(time.Minute), IssuedAt: asked, ExpiresAt: l.ExpiresAt},
				{AskedBy: store.ByApp, AskedAt: f.now, State: store.SessionMinting, LeaseEnds: f.now.Add(time.Minute)},
			})
			f.must(f.GiveUpSession(f.t.Context(), o.Session, false, f.now))
			equal(f, "given up", f.sessions("ana")[1].State, store.SessionFailed)
			equal(f, "of nobody", len(f.sessions("nobody")), 0)
			if strings.Contains(f.dump(), "secret") {
				f.t.Error("a link stands in the ledger in clear")
			}
		}},
	}
}

// budgetOfAll spends a budget of three on a link in a mail, a mint for a mail that
// is in doubt, and a session.
func budgetOfAll(f *fixture) {
	f.enrol(person("ana", pipeline.MX))
	first := f.now
	q := f.run()
	d := f.claim(q)
	f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "capa.timeout", Doubtful: true}).DueAt)
	f.mail() // which carries its own link
	f.openSession(app("ana"))
	f.now = f.now.Add(23 * time.Hour)
	o := f.wantAnswer(app("ana"), pipeline.OpenSpent)
	equal(f, "opens", o.Opens, first.Add(pipeline.BudgetDay))
	f.now = o.Opens
	f.wantAnswer(app("ana"), pipeline.OpenMint)
}

func oneOfManyMints(f *fixture) {
	d := f.invited("ana")
	answers := make(chan pipeline.OpeningKind)
	for range 50 {
		go func() {
			o, err := f.StartSession(f.t.Context(), holds(d), sessionRules(), f.now)
			if err != nil {
				f.t.Error(err)
			}
			answers <- o.Kind
		}()
	}
	count := map[pipeline.OpeningKind]int{}
	for range 50 {
		count[<-answers]++
	}
	equal(f, "answers", count, map[pipeline.OpeningKind]int{pipeline.OpenMint: 1, pipeline.OpenWait: 49})
}
