package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"alta/pipeline"
	"alta/store"
)

func eventBehaviours() []behaviour {
	return []behaviour{
		{"while nobody wants to hear of them, no event is noted", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.mark("ana", pipeline.Verified)
			f.wantEvents()
		}},
		{"a mail that was sent is an event, with its step and round", func(f *fixture) {
			f.noteEvents()
			u := person("ana", pipeline.MX)
			u.ExternalID = "x-1"
			f.enrol(u)
			f.mail()
			f.wantEvents("mail.sent ana x-1 invite 1 ")
			e := f.events()[0]
			equal(f, "time", e.At, f.now)
			equal(f, "state", e.State, store.EventWaiting)
			if !strings.HasPrefix(e.Name, "evt_") || len(e.Name) != 36 {
				f.t.Errorf("its name is %q", e.Name)
			}
		}},
		{"a mail that failed is one, with the code", func(f *fixture) {
			f.noteEvents()
			f.enrol(person("ana", pipeline.MX))
			f.failsNow(pipeline.Fail, "smtp.refused")
			f.wantEvents("mail.failed ana  invite 1 smtp.refused")
		}},
		{"a mail that is tried again is none", func(f *fixture) {
			f.noteEvents()
			f.enrol(person("ana", pipeline.MX))
			f.failsNow(pipeline.Retry, "smtp.busy")
			f.wantEvents()
		}},
		{"becoming verified is one, and staying so is none", func(f *fixture) {
			f.noteEvents()
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.InReview)
			f.mark("ana", pipeline.Verified)
			f.enrol(person("ana", pipeline.MX))
			f.wantEvents("user.verified ana   0 ")
		}},
		{"an outage is told once, however often it is met, and again when it is back", func(f *fixture) {
			f.noteEvents()
			p := pipeline.Pause{Code: "smtp.dial", Reason: "no answer", Since: f.now, ProbeAt: f.now}
			for range 2 {
				f.enrol(person(fmt.Sprintf("user-%s", f.now.Format("150405")), pipeline.MX))
				f.meet(f.run(), &pipeline.Fault{Kind: pipeline.Outage, Code: p.Code, Reason: p.Reason})
				f.now = f.now.Add(time.Hour)
			}
			f.wantEvents("run.outage    0 smtp.dial")
			for _, paused := range f.pauses() {
				f.must(f.Lift(f.t.Context(), paused))
			}
			f.meet(f.run(), &pipeline.Fault{Kind: pipeline.Outage, Code: p.Code, Reason: p.Reason})
			f.wantEvents("run.outage    0 smtp.dial", "run.outage    0 smtp.dial")
		}},
		{"a run that ends with an outage that wrote no pause tells it, once until a run ends without", func(f *fixture) {
			f.noteEvents()
			ends := func(by store.Trigger, outage string) {
				f.t.Helper()
				id, _, err := f.StartRun(f.t.Context(), by, time.Time{}, f.plan.MinGap, f.now)
				f.must(err)
				f.must(f.FinishRun(f.t.Context(), id, pipeline.Report{Outage: outage}, nil, f.now))
			}
			ends(store.BySchedule, "")
			f.wantEvents()
			ends(store.BySchedule, "20 mails are due")
			ends(store.ByResend, "")
			ends(store.BySchedule, "30 mails are due")
			f.wantEvents("run.outage    0 run.stopped")
			ends(store.BySchedule, "")
			ends(store.BySchedule, "the source can't be read")
			f.wantEvents("run.outage    0 run.stopped", "run.outage    0 run.stopped")
		}},
		{"a run that meets a pause adds nothing to what the pause told", func(f *fixture) {
			f.noteEvents()
			f.enrol(person("ana", pipeline.MX))
			f.meet(f.run(), &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial", Reason: "no answer"})
			id, _, err := f.StartRun(f.t.Context(), store.BySchedule, time.Time{}, f.plan.MinGap, f.now)
			f.must(err)
			f.must(f.FinishRun(f.t.Context(), id, pipeline.Report{Outage: "no answer"}, nil, f.now))
			f.wantEvents("run.outage    0 smtp.dial")
		}},
		{"nothing of an erased user is left in an event but the id", func(f *fixture) {
			f.noteEvents()
			u := person("ana", pipeline.MX)
			u.ExternalID = "x-1"
			f.enrol(u)
			f.mail()
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantEvents("mail.sent ana  invite 1 ")
		}},
		{"one who claims an event has it until it counts as lost", func(f *fixture) {
			e := f.sentEvent()
			equal(f, "claimed", f.claimEvents(), []string{e.Name})
			equal(f, "claimed by another", len(f.claimEvents()), 0)
			f.now = f.now.Add(eventLease)
			equal(f, "claimed when it was lost", f.claimEvents(), []string{e.Name})
			equal(f, "tries", f.events()[0].Tries, 2)
		}},
		{"an event that was delivered is not claimed again", func(f *fixture) {
			f.sentEvent()
			e := f.claimEvent()
			f.must(f.SettleEvent(f.t.Context(), e, store.EventTry{State: store.EventDelivered, Said: "200"}))
			f.now = f.now.Add(24 * time.Hour)
			equal(f, "claimed", len(f.claimEvents()), 0)
			got := f.events()[0]
			equal(f, "state", got.State, store.EventDelivered)
			equal(f, "said", got.Said, "200")
			equal(f, "next try", got.NextAt, time.Time{})
		}},
		{"an event that was not is claimed at its next time", func(f *fixture) {
			f.sentEvent()
			next := f.now.Add(time.Minute)
			f.must(f.SettleEvent(f.t.Context(), f.claimEvent(), store.EventTry{State: store.EventWaiting, NextAt: next, Said: "500"}))
			equal(f, "next try", f.events()[0].NextAt, next)
			equal(f, "claimed too soon", len(f.claimEvents()), 0)
			f.now = next
			equal(f, "claimed in time", len(f.claimEvents()), 1)
		}},
		{"what comes of a try that counted as lost changes nothing", func(f *fixture) {
			f.sentEvent()
			late := f.claimEvent()
			f.now = f.now.Add(eventLease)
			f.claimEvent()
			f.must(f.SettleEvent(f.t.Context(), late, store.EventTry{State: store.EventGivenUp}))
			equal(f, "state", f.events()[0].State, store.EventWaiting)
		}},
		{"of many who claim at once, each event goes to one", func(f *fixture) {
			f.noteEvents()
			for range 20 {
				f.enrol(person(fmt.Sprintf("user-%d", len(f.events())), pipeline.MX))
				f.mail()
			}
			var all sync.WaitGroup
			var mu sync.Mutex
			seen := map[string]int{}
			for range 8 {
				all.Go(func() {
					got, err := f.ClaimEvents(f.t.Context(), 5, f.now.Add(eventLease), f.now)
					if err != nil {
						f.t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, e := range got {
						seen[e.Name]++
					}
				})
			}
			all.Wait()
			for name, n := range seen {
				if n != 1 {
					f.t.Errorf("%s was claimed %d times", name, n)
				}
			}
		}},
		{"old events are forgotten, and their numbers never come again", func(f *fixture) {
			old := f.sentEvent()
			f.now = f.now.Add(time.Hour)
			f.must(f.ForgetEvents(f.t.Context(), f.now))
			f.wantEvents()
			f.enrol(person("bob", pipeline.MX))
			f.mail()
			if e := f.events()[0]; e.ID <= old.ID {
				f.t.Errorf("event %d comes after %d", e.ID, old.ID)
			}
		}},
		{"events are noted until nobody wants to hear of them any more", func(f *fixture) {
			f.noteEvents()
			on, err := f.EventsNoted(f.t.Context())
			f.must(err)
			equal(f, "noted", on, true)
			f.must(f.NoteEvents(f.t.Context(), false))
			on, err = f.EventsNoted(f.t.Context())
			f.must(err)
			equal(f, "noted", on, false)
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.wantEvents()
		}},
	}
}

const eventLease = time.Minute

func (f *fixture) noteEvents() {
	f.t.Helper()
	f.must(f.NoteEvents(f.t.Context(), true))
}

// sentEvent makes an event.
func (f *fixture) sentEvent() store.Event {
	f.t.Helper()
	f.noteEvents()
	f.enrol(person("ana", pipeline.MX))
	f.mail()
	return f.events()[0]
}

func (f *fixture) events() []store.Event {
	f.t.Helper()
	all, err := f.Events(f.t.Context(), 0, 100)
	f.must(err)
	return all
}

func (f *fixture) wantEvents(want ...string) {
	f.t.Helper()
	got := []string{}
	for _, e := range f.events() {
		got = append(got, fmt.Sprintf("%s %s %s %s %d %s", e.Type, e.UserID, e.ExternalID, e.Step, e.Round, e.Code))
	}
	equal(f, "events", got, append([]string{}, want...))
}

func (f *fixture) claimEvents() (names []string) {
	f.t.Helper()
	got, err := f.ClaimEvents(f.t.Context(), 10, f.now.Add(eventLease), f.now)
	f.must(err)
	for _, e := range got {
		names = append(names, e.Name)
	}
	return names
}

func (f *fixture) claimEvent() store.Event {
	f.t.Helper()
	got, err := f.ClaimEvents(f.t.Context(), 1, f.now.Add(eventLease), f.now)
	f.must(err)
	equal(f, "events claimed", len(got), 1)
	return got[0]
}
