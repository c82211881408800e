package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func keepBehaviours() []behaviour {
	return []behaviour{
		{"a link that was kept is found again by whoever comes after a crash", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.mint(d)
			f.keep(q, d)
			f.wantRecovered(1, 0)
			again := f.claim(f.run())
			equal(f, "same link", again.Link.URL.Equal(d.Link.URL), true)
			equal(f, "its number", again.Link.ID, d.Link.ID)
			equal(f, "its end", again.Link.ExpiresAt, d.Link.ExpiresAt)
		}},
		{"a delivery knows when a link was minted for its user, or may have been", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.DO))
			began := f.now
			q := f.run()
			for _, d := range f.pull(q, 2).Deliveries {
				equal(f, "mints before the first", len(d.Mints), 0)
				f.record(q, &d, &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "capa.timeout", Doubtful: d.User.ID == "ana"})
			}
			f.until(began.Add(2 * time.Hour))
			second := f.now
			mints := map[string][]time.Time{"ana": {began}, "bob": nil}
			for _, d := range f.pull(q, 2).Deliveries {
				equal(f, "mints of "+d.User.ID, d.Mints, mints[d.User.ID])
				f.send(q, &d)
			}
			f.until(began.Add(30 * time.Hour))
			mints = map[string][]time.Time{"ana": {began, second}, "bob": {second}}
			b := f.pull(q, 2).Deliveries
			equal(f, "reminders", len(b), 2)
			for _, d := range b {
				slices.SortFunc(d.Mints, time.Time.Compare)
				equal(f, "mints of "+d.User.ID, d.Mints, mints[d.User.ID])
			}
		}},
		{"a link that two users are given is mailed to neither from then on", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX))
			q := f.run()
			b := f.pull(q, 2).Deliveries
			f.mint(&b[0])
			f.keep(q, &b[0])
			b[1].Link = b[0].Link
			b[1].Link.ID = 0
			fault := f.wantFault(q.Keep(f.t.Context(), &b[1]), pipeline.Outage, "capa.shared_link")
			if !strings.Contains(fault.Reason, "ana and then bob") {
				f.t.Errorf("the reason names nobody: %s", fault.Reason)
			}
			equal(f, "number of bob's", b[1].Link.ID, int64(0))
			equal(f, "link of bob's delivery", f.latest("bob").Link, store.LinkRecord{})
			err := q.Begin(f.t.Context(), &b[0], f.now)
			f.wantFault(err, pipeline.Retry, "link_superseded")
			shared := b[0].Link
			f.until(f.record(q, &b[0], err).DueAt)
			again := f.claim(q)
			equal(f, "the link of ana's", again.Link, pipeline.Link{})
			again.Link = shared
			again.Link.ID = 0
			f.wantFault(q.Keep(f.t.Context(), again), pipeline.Outage, "capa.shared_link")
		}},
		{"a link that was minted for the country or the type that the user had before is not kept", func(f *fixture) {
			for id, changed := range map[string]func(*pipeline.User){
				"country": func(u *pipeline.User) { u.Country = pipeline.DO },
				"type":    func(u *pipeline.User) { u.Type = pipeline.Business },
			} {
				u := person(id, pipeline.MX)
				f.enrol(u)
				q := f.run()
				d := f.claim(q)
				f.mint(d)
				changed(&u)
				f.enrol(u)
				err := q.Keep(f.t.Context(), d)
				equal(f, "free", f.wantFault(err, pipeline.Retry, "user_changed").Free, true)
				d.Link = pipeline.Link{}
				f.until(f.record(q, d, err).DueAt)
				again := f.claim(q)
				equal(f, "link", again.Link, pipeline.Link{})
				f.send(q, again)
			}
		}},
		{"a partner who gives a user the same link again is believed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.mint(d)
			f.keep(q, d)
			d.Link.ID = 0
			f.keep(q, d)
			f.must(q.Begin(f.t.Context(), d, f.now))
		}},
		{"only the run that claimed a delivery may give it a link", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			d := f.claim(f.run())
			f.mint(d)
			f.wantUnclassified(f.run().Keep(f.t.Context(), d))
			f.recover()
			equal(f, "link", f.claim(f.run()).Link, pipeline.Link{})
		}},
		{"a link stands nowhere in clear", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			d := f.mail()
			for _, part := range []string{"kyc.example.com", "secret1", d.Link.URL.Reveal()} {
				if strings.Contains(f.dump(), part) {
					f.t.Errorf("%q stands in the ledger", part)
				}
			}
		}},
		{"a link is shredded when it has expired, and not a moment before", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			d := f.keptAndPutBack()
			f.now = d.Link.ExpiresAt.Add(-time.Millisecond)
			f.must(f.Shred(f.t.Context(), f.now))
			q := f.run()
			held := f.claim(q)
			equal(f, "before", held.Link.URL.Equal(d.Link.URL), true)
			f.must(q.Record(f.t.Context(), held, pipeline.PutBack(held, held.DueAt), f.now))
			f.now = d.Link.ExpiresAt
			f.must(f.Shred(f.t.Context(), f.now))
			equal(f, "after", f.claim(f.run()).Link.URL.IsZero(), true)
		}},
		{"a link is shredded when its user is done", func(f *fixture) {
			for id, done := range map[string]func(id string){
				"verified":  func(id string) { f.mark(id, pipeline.Verified) },
				"opted-out": func(id string) { f.mark(id, pipeline.OptedOut) },
				"rejected": func(id string) {
					u := person(id, pipeline.MX)
					u.Status = pipeline.Rejected
					f.enrol(u)
				},
			} {
				f.enrol(person(id, pipeline.MX))
				d := f.keptAndPutBack()
				done(id)
				f.mark(id, pipeline.Pending)
				again := f.claim(f.run())
				equal(f, "user", again.User.ID, d.User.ID)
				equal(f, "no link", again.Link.URL.IsZero(), true)
			}
		}},
		{"a link that is minted for a user who is done meanwhile is not kept readable", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.mint(d)
			f.mark("ana", pipeline.Verified)
			f.keep(q, d)
			f.mark("ana", pipeline.Pending)
			f.recover()
			equal(f, "no link", f.claim(f.run()).Link.URL.IsZero(), true)
		}},
	}
}

// keptAndPutBack mints a link for the one delivery that is due, keeps it and
// puts the delivery back.
func (f *fixture) keptAndPutBack() *pipeline.Delivery {
	f.t.Helper()
	q := f.run()
	d := f.claim(q)
	f.mint(d)
	f.keep(q, d)
	f.must(q.Record(f.t.Context(), d, pipeline.PutBack(d, d.DueAt), f.now))
	return d
}

func keyBehaviours() []behaviour {
	return []behaviour{
		{"the first key is the ledger's own, and another one is refused", func(f *fixture) {
			has, err := f.HasKey(f.t.Context())
			f.must(err)
			equal(f, "has a key", has, true)
			if err := f.UseKey(f.t.Context(), newKey(f.t)); !errors.Is(err, store.ErrWrongKey) {
				f.t.Fatalf("error is %v, want %v", err, store.ErrWrongKey)
			}
			f.enrol(person("ana", pipeline.MX))
			f.mail() // with the one that it has
		}},
		{"a new key forgets the links, and mails that are due get fresh ones", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.keptAndPutBack()
			k := newKey(f.t)
			f.must(f.Rekey(f.t.Context(), k, operator, f.now))
			f.must(f.UseKey(f.t.Context(), k))
			q := f.run()
			d := f.claim(q)
			equal(f, "no link", d.Link.URL.IsZero(), true)
			f.mint(d)
			d.Link.ID = 0
			f.send(q, d)
			equal(f, "audited", f.audited(""), []string{"rekey"})
		}},
	}
}

// audited returns what was done by hand to a user, or to the ledger itself.
func (f *fixture) audited(id string) []string {
	f.t.Helper()
	entries, err := f.Audit(f.t.Context(), id)
	f.must(err)
	actions := []string{}
	for _, e := range entries {
		actions = append(actions, e.Action)
	}
	return actions
}
