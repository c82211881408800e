package storetest

import (
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
	"alta/store"
)

// told is news of the external id, by what the event means.
func told(external, event string) pipeline.News {
	return pipeline.News{ExternalID: external, Event: event, Status: map[string]pipeline.Status{
		"CREATED_KYC": pipeline.InReview, "REVIEW_NEEDED_KYC": pipeline.InReview,
		"VERIFIED_USER": pipeline.Verified, "REJECTED_KYC": pipeline.Rejected,
	}[event]}
}

func known(id, external string) pipeline.User {
	u := person(id, pipeline.MX)
	u.ExternalID = external
	return u
}

func (f *fixture) tell(external, event string, want pipeline.Effect) {
	f.t.Helper()
	got, err := f.News(f.t.Context(), told(external, event), f.next, f.now)
	f.must(err)
	equal(f, "effect of "+event, got, want)
}

func (f *fixture) wantStatus(id string, want pipeline.Status) {
	f.t.Helper()
	equal(f, "status of "+id, f.find(id).User.Status, want)
}

func (f *fixture) inbox() []store.NewsRecord {
	f.t.Helper()
	all, err := f.Inbox(f.t.Context(), 10)
	f.must(err)
	return append([]store.NewsRecord{}, all...)
}

func (f *fixture) newsOf(id string) []store.NewsRecord {
	f.t.Helper()
	all, err := f.NewsOf(f.t.Context(), id)
	f.must(err)
	return append([]store.NewsRecord{}, all...)
}

func newsBehaviours() []behaviour {
	return slices.Concat(effectBehaviours(), newsEndBehaviours(), inboxBehaviours())
}

func effectBehaviours() []behaviour {
	return []behaviour{
		{"each event moves the user on", func(f *fixture) {
			for event, status := range map[string]pipeline.Status{
				"CREATED_KYC": pipeline.InReview, "REVIEW_NEEDED_KYC": pipeline.InReview,
				"VERIFIED_USER": pipeline.Verified, "REJECTED_KYC": pipeline.Rejected,
			} {
				f.enrol(known(event, "x-"+event))
				f.tell("x-"+event, event, pipeline.Applied)
				f.wantStatus(event, status)
				f.wantDeliveries(event, "invite 1 cancelled")
				equal(f, "audit", f.audited(event), []string{})
			}
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
		}},
		{"news that repeats has one effect", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			first := f.now
			f.tell("x-1", "VERIFIED_USER", pipeline.Applied)
			before := f.find("ana")
			for range 3 {
				f.now = f.now.Add(time.Minute)
				f.tell("x-1", "VERIFIED_USER", pipeline.KnownAlready)
			}
			equal(f, "record", f.find("ana"), before)
			equal(f, "news", f.newsOf("ana"), []store.NewsRecord{{
				ExternalID: "x-1", Event: "VERIFIED_USER", UserID: "ana", Effect: pipeline.Applied, N: 4, FirstAt: first, LastAt: f.now, SettledAt: first,
			}})
		}},
		{"news that comes late moves nobody back", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			f.tell("x-1", "VERIFIED_USER", pipeline.Applied)
			for _, event := range []string{"CREATED_KYC", "REVIEW_NEEDED_KYC"} {
				f.tell("x-1", event, pipeline.KnownAlready)
			}
			f.wantStatus("ana", pipeline.Verified)
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
			equal(f, "news", len(f.newsOf("ana")), 3)
		}},
		{"in whatever order and however often it comes, the user ends where one telling of each would lead", anyOrder},
		{"of many who bring the same news at once one has the effect", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			var mu sync.Mutex
			count := map[pipeline.Effect]int{}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					e, err := f.News(f.t.Context(), told("x-1", "VERIFIED_USER"), f.next, f.now)
					if err != nil {
						f.t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					count[e]++
				})
			}
			all.Wait()
			equal(f, "effects", count, map[pipeline.Effect]int{pipeline.Applied: 1, pipeline.KnownAlready: 19})
			equal(f, "kept", f.newsOf("ana")[0].N, 20)
			equal(f, "effect", f.newsOf("ana")[0].Effect, pipeline.Applied)
		}},
		{"where an operator has moved the user back, it counts again", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			f.tell("x-1", "REJECTED_KYC", pipeline.Applied)
			f.mark("ana", pipeline.Pending)
			f.tell("x-1", "REJECTED_KYC", pipeline.Applied)
			f.wantStatus("ana", pipeline.Rejected)
			equal(f, "news", f.newsOf("ana")[0].N, 2)
		}},
		{"what alta has asked for itself counts like news, and each user's apart", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX)) // without an external id
			for _, step := range []struct {
				told, is pipeline.Status
			}{{pipeline.InReview, pipeline.InReview}, {pipeline.Verified, pipeline.Verified}, {pipeline.InReview, pipeline.Verified}, {"", pipeline.Verified}} {
				f.must(f.Tell(f.t.Context(), "ana", step.told, f.next, f.now))
				f.wantStatus("ana", step.is)
			}
			f.must(f.Tell(f.t.Context(), "bob", pipeline.Rejected, f.next, f.now))
			f.wantStatus("bob", pipeline.Rejected)
			equal(f, "news of ana", f.newsOf("ana"), []store.NewsRecord{{
				ExternalID: "ana", Event: store.EventAsked, UserID: "ana", Effect: pipeline.Applied, N: 3, FirstAt: f.now, LastAt: f.now, SettledAt: f.now,
			}})
			equal(f, "news of bob", len(f.newsOf("bob")), 1)
			equal(f, "audit", f.audited("ana"), []string{})
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
			f.wantNotFound(f.Tell(f.t.Context(), "nobody", pipeline.Verified, f.next, f.now))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.must(f.Tell(f.t.Context(), "ana", pipeline.Verified, f.next, f.now))
			equal(f, "news of ana, who was erased", f.newsOf("ana"), []store.NewsRecord{})
		}},
	}
}

func inboxBehaviours() []behaviour {
	return []behaviour{
		{"news of a user whom nobody knows waits for an operator", func(f *fixture) {
			first := f.now
			f.tell("x-9", "VERIFIED_USER", pipeline.UnknownUser)
			f.now = f.now.Add(time.Minute)
			f.tell("x-9", "VERIFIED_USER", pipeline.UnknownUser)
			equal(f, "inbox", f.inbox(), []store.NewsRecord{{
				ExternalID: "x-9", Event: "VERIFIED_USER", Effect: pipeline.UnknownUser, N: 2, FirstAt: first, LastAt: f.now,
			}})
		}},
		{"a user who is added after the news came stays for the operator, until it comes again", func(f *fixture) {
			f.tell("x-1", "VERIFIED_USER", pipeline.UnknownUser)
			f.enrol(known("ana", "x-1"))
			f.wantStatus("ana", pipeline.Pending)
			equal(f, "inbox", len(f.inbox()), 1)
			f.tell("x-1", "VERIFIED_USER", pipeline.Applied)
			f.wantStatus("ana", pipeline.Verified)
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
			equal(f, "effect", f.newsOf("ana")[0].Effect, pipeline.Applied)
		}},
		{"news without an external id is of nobody", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX)) // who has none either
			f.tell("", "VERIFIED_USER", pipeline.UnknownUser)
			f.wantStatus("ana", pipeline.Pending)
		}},
		{"news that could be of several users changes none and waits", func(f *fixture) {
			f.enrol(known("ana", "x-1"), known("bob", "x-1"))
			f.tell("x-1", "VERIFIED_USER", pipeline.SeveralUsers)
			f.wantStatus("ana", pipeline.Pending)
			f.wantStatus("bob", pipeline.Pending)
			equal(f, "waits", f.inbox()[0].Effect, pipeline.SeveralUsers)
			equal(f, "of ana", len(f.newsOf("ana")), 0)
		}},
		{"an event that nobody knows waits, with the user whom it is of", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			f.tell("x-1", "DELETED_KYC", pipeline.UnknownEvent)
			f.tell("x-2", "DELETED_KYC", pipeline.UnknownEvent)
			f.wantStatus("ana", pipeline.Pending)
			got := f.inbox()
			equal(f, "waiting", len(got), 2)
			equal(f, "users", []string{got[0].UserID, got[1].UserID}, []string{"ana", ""})
			equal(f, "of ana", f.newsOf("ana"), got[:1])
		}},
		{"news that is settled stays so, whatever it would be now", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			f.tell("x-1", "VERIFIED_USER", pipeline.Applied)
			f.enrol(known("bob", "x-1"))
			f.tell("x-1", "VERIFIED_USER", pipeline.SeveralUsers)
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
			equal(f, "effect", f.newsOf("ana")[0].Effect, pipeline.Applied)
		}},
		{"an operator settles what waits, with a reason", func(f *fixture) {
			f.tell("x-8", "VERIFIED_USER", pipeline.UnknownUser)
			f.now = f.now.Add(time.Minute)
			f.tell("x-9", "VERIFIED_USER", pipeline.UnknownUser)
			f.must(f.SettleNews(f.t.Context(), "x-8", "VERIFIED_USER", operator, f.now))
			equal(f, "waits", f.inbox()[0].ExternalID, "x-9")
			f.tell("x-8", "VERIFIED_USER", pipeline.UnknownUser)
			equal(f, "waiting", len(f.inbox()), 1)
			got, err := f.Audit(f.t.Context(), "")
			f.must(err)
			equal(f, "audit", got, []store.AuditEntry{{At: f.now, Actor: "olga", Action: "settle_news", Detail: "VERIFIED_USER: the customer called"}})
			f.wantNotFound(f.SettleNews(f.t.Context(), "x-8", "VERIFIED_USER", operator, f.now))
			f.wantNotFound(f.SettleNews(f.t.Context(), "x-7", "VERIFIED_USER", operator, f.now))
		}},
		{"the oldest comes first, and no more than were asked for", func(f *fixture) {
			for _, external := range []string{"x-3", "x-1", "x-2"} {
				f.tell(external, "VERIFIED_USER", pipeline.UnknownUser)
				f.now = f.now.Add(time.Minute)
			}
			f.tell("x-3", "VERIFIED_USER", pipeline.UnknownUser)
			two, err := f.Inbox(f.t.Context(), 2)
			f.must(err)
			equal(f, "first", []string{two[0].ExternalID, two[1].ExternalID}, []string{"x-3", "x-1"})
		}},
	}
}

// anyOrder tells several users the four events, in any order and each several
// times.
func anyOrder(f *fixture) {
	events := []string{"CREATED_KYC", "REVIEW_NEEDED_KYC", "VERIFIED_USER", "REJECTED_KYC"}
	n := 0
	rapid.Check(f.t, func(t *rapid.T) {
		n++
		id := "user-" + time.Unix(int64(n), 0).UTC().Format("150405")
		f.enrol(known(id, "x-"+id))
		which := rapid.SliceOfDistinct(rapid.SampledFrom(events), rapid.ID[string]).Draw(t, "which")
		order := rapid.Permutation(slices.Repeat(which, 3)).Draw(t, "order")
		want := pipeline.Pending
		applied := map[string]int{}
		for _, event := range order {
			e, err := f.News(f.t.Context(), told("x-"+id, event), f.next, f.now)
			if err != nil {
				t.Fatal(err)
			}
			if e == pipeline.Applied {
				applied[event]++
			}
			want = want.Advance(told("", event).Status)
		}
		got := f.find(id).User.Status
		if got != want {
			t.Fatalf("after %v the user is %s, want %s", order, got, want)
		}
		// Of the two that end a verification the first one counts; without both, the
		// order does not matter at all.
		if ends := slices.DeleteFunc(slices.Clone(which), func(e string) bool { return told("", e).Status == pipeline.InReview }); len(ends) == 1 && got != told("", ends[0]).Status {
			t.Fatalf("after %v the user is %s", order, got)
		}
		for event, times := range applied {
			if times > 1 {
				t.Fatalf("%s had an effect %d times in %v", event, times, order)
			}
		}
	})
}
