package storetest

import (
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) timeline(id string) []store.Moment {
	f.t.Helper()
	all, err := f.Timeline(f.t.Context(), id)
	f.must(err)
	return all
}

// wantTimeline checks the kinds of the moments, in their order.
func (f *fixture) wantTimeline(id string, want ...store.MomentKind) []store.Moment {
	f.t.Helper()
	all, kinds := f.timeline(id), []store.MomentKind{}
	for i, m := range all {
		kinds = append(kinds, m.Kind)
		if i > 0 && m.At.Before(all[i-1].At) {
			f.t.Fatalf("%+v comes after %+v", m, all[i-1])
		}
	}
	equal(f, "timeline of "+id, kinds, want)
	return all
}

func timelineBehaviours() []behaviour {
	return []behaviour{
		{"a mail with all that comes of it is told in the order of time", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			start := f.now
			f.now = f.now.Add(time.Minute)
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.now = f.now.Add(time.Minute)
			d.Receipt.Reply = "250 2.0.0 Ok: queued"
			v := f.record(q, d, nil)
			all := f.wantTimeline("ana", store.MomentAdded, store.MomentLink, store.MomentAttempt, store.MomentDue)
			equal(f, "moments", all, []store.Moment{
				{Kind: store.MomentAdded, At: start},
				{Kind: store.MomentLink, At: d.Link.IssuedAt, Until: d.Link.ExpiresAt},
				{Kind: store.MomentAttempt, At: f.now, Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeSent, Reply: "250 2.0.0 Ok: queued"},
				{Kind: store.MomentDue, At: v.Next.DueAt, Step: pipeline.Reminder, Round: 1, State: pipeline.Due},
			})
		}},
		{"a failure has its code and its reason, and an act its actor", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Fail, "smtp.5.5.0")
			f.now = f.now.Add(time.Minute)
			f.resend("ana", pipeline.Invite)
			f.now = f.now.Add(time.Minute)
			f.mark("ana", pipeline.Verified)
			all := f.wantTimeline("ana", store.MomentAdded, store.MomentAttempt, store.MomentAct, store.MomentUpdated, store.MomentAct, store.MomentCancelled, store.MomentVerified)
			equal(f, "attempt", all[1], store.Moment{
				Kind: store.MomentAttempt, At: all[0].At, Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeFailed,
				Code: "smtp.5.5.0", Reason: "the reason of smtp.5.5.0",
			})
			equal(f, "act", all[2], store.Moment{Kind: store.MomentAct, At: all[2].At, Actor: "olga", Action: "resend", Detail: "invite: the customer called"})
			equal(f, "cancelled", all[5], store.Moment{
				Kind: store.MomentCancelled, At: f.now, Step: pipeline.Invite, Round: 2, State: pipeline.Cancelled,
				Code: "user_verified", Reason: "the user became verified",
			})
		}},
		{"visits, sessions and news are told, and a link that lasts has no end", func(f *fixture) {
			u := person("ana", pipeline.MX)
			u.ExternalID = "x-ana"
			f.enrol(u)
			d := f.mailTicket()
			f.now = f.now.Add(time.Hour)
			f.visit(d, pipeline.Opened, 2, f.now)
			link := f.openSession(holds(d))
			f.now = f.now.Add(time.Hour)
			f.tell("x-ana", "VERIFIED_USER", pipeline.Applied)
			told := map[store.MomentKind]store.Moment{}
			for _, m := range f.timeline("ana") {
				told[m.Kind] = m
			}
			equal(f, "link", told[store.MomentLink].Until, time.Time{})
			visits := told[store.MomentVisits]
			equal(f, "visits", visits, store.Moment{
				Kind: store.MomentVisits, At: visits.LastAt, LastAt: f.now.Add(-time.Hour), N: 2, Visit: pipeline.Opened, Step: pipeline.Invite, Round: 1,
			})
			equal(f, "session", told[store.MomentSession], store.Moment{
				Kind: store.MomentSession, At: f.now.Add(-time.Hour), Until: link.ExpiresAt, Session: store.SessionOpen, AskedBy: store.ByClick,
			})
			equal(f, "news", told[store.MomentNews], store.Moment{
				Kind: store.MomentNews, At: f.now, LastAt: f.now, N: 1, Event: "VERIFIED_USER", Effect: pipeline.Applied,
			})
			equal(f, "verified", told[store.MomentVerified].At, f.now)
		}},
		{"no link is told, and an erased user's mail server says nothing", func(f *fixture) {
			d := f.invited("ana")
			f.openSession(holds(d))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			for _, m := range f.timeline("ana") {
				if text := fmt.Sprintf("%+v", m); strings.Contains(text, "https://") || strings.Contains(text, "250 ") || strings.Contains(text, "@example.com") {
					f.t.Fatalf("told is %s", text)
				}
			}
		}},
		{"the latest five hundred are told", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			for i := range store.MostMoments + 10 {
				f.now = f.now.Add(time.Second)
				f.mark("ana", []pipeline.Status{pipeline.InReview, pipeline.Pending}[i%2])
			}
			all := f.timeline("ana")
			equal(f, "how many", len(all), store.MostMoments)
			equal(f, "the latest", all[len(all)-1].At, f.now)
		}},
		{"nobody has a timeline whom nobody knows", func(f *fixture) {
			_, err := f.Timeline(f.t.Context(), "nobody")
			f.wantNotFound(err)
		}},
	}
}
