package storetest

import (
	"alta/pipeline"
	"alta/store"
)

// newsEndBehaviours are about the end of a verification that comes to a user who had
// another end before.
func newsEndBehaviours() []behaviour {
	return []behaviour{
		{"the other end of a verification that has ended changes nothing and waits", func(f *fixture) {
			for first, then := range map[string]string{"VERIFIED_USER": "REJECTED_KYC", "REJECTED_KYC": "VERIFIED_USER"} {
				f.enrol(known(first, "x-"+first))
				f.tell("x-"+first, first, pipeline.Applied)
				status := f.find(first).User.Status
				f.tell("x-"+first, then, pipeline.Contradicts)
				f.wantStatus(first, status)
				waits := f.inbox()
				equal(f, "waiting", len(waits), 1)
				equal(f, "waits", []any{waits[0].UserID, waits[0].Event, waits[0].Effect}, []any{first, then, pipeline.Contradicts})
				f.tell("x-"+first, first, pipeline.KnownAlready)
				equal(f, "waiting still", len(f.inbox()), 1)
				f.must(f.SettleNews(f.t.Context(), "x-"+first, then, operator, f.now))
				f.tell("x-"+first, then, pipeline.Contradicts)
				equal(f, "once it was seen to", f.inbox(), []store.NewsRecord{})
			}
		}},
		{"what contradicts waits though the same had its effect before", func(f *fixture) {
			f.enrol(known("ana", "x-1"))
			f.tell("x-1", "VERIFIED_USER", pipeline.Applied)
			f.mark("ana", pipeline.Rejected)
			f.tell("x-1", "VERIFIED_USER", pipeline.Contradicts)
			equal(f, "waiting", len(f.inbox()), 1)
			f.mark("ana", pipeline.Verified)
			f.tell("x-1", "VERIFIED_USER", pipeline.KnownAlready)
			equal(f, "inbox", f.inbox(), []store.NewsRecord{})
		}},
		{"who opted out of the mails may still finish the verification", func(f *fixture) {
			for event, status := range map[string]pipeline.Status{"VERIFIED_USER": pipeline.Verified, "REJECTED_KYC": pipeline.Rejected} {
				f.enrol(known(event, "x-"+event))
				d := f.mailTicket()
				f.optOut(d, true)
				f.tell("x-"+event, "CREATED_KYC", pipeline.KnownAlready)
				f.wantStatus(event, pipeline.OptedOut)
				f.resend(event, pipeline.Reissue)
				d = f.mailTicket()
				f.openSession(holds(d))
				f.tell("x-"+event, event, pipeline.Applied)
				f.wantStatus(event, status)
				f.tell("x-"+event, event, pipeline.KnownAlready)
				f.wantAlive(d, false)
				f.wantAnswer(holds(d), pipeline.OpenRefuse)
				f.wantCountDue(0)
			}
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.OptedOut)
			f.must(f.Tell(f.t.Context(), "ana", pipeline.Verified, f.next, f.now))
			f.wantStatus("ana", pipeline.Verified)
			u := person("bob", pipeline.MX)
			f.enrol(u)
			f.mark("bob", pipeline.OptedOut)
			for _, s := range []pipeline.Status{pipeline.Pending, pipeline.InReview, pipeline.Rejected} {
				u.Status = s
				f.enrol(u)
			}
			f.wantStatus("bob", pipeline.Rejected)
			f.wantCountDue(0)
		}},
	}
}
