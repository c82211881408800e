package storetest

import (
	"fmt"
	"time"

	"alta/pipeline"
	"alta/store"
)

// wantAttention checks the groups, each written as "state code country users", the
// largest first.
func (f *fixture) wantAttention(want ...string) []store.AttentionGroup {
	f.t.Helper()
	groups, err := f.Attention(f.t.Context())
	f.must(err)
	got := []string{}
	for _, g := range groups {
		got = append(got, fmt.Sprintf("%s %s %s %d", g.State, g.Code, g.Country, g.Users))
	}
	equal(f, "attention", got, append([]string{}, want...))
	return groups
}

// goesWrong enrols a user and brings the invite to that end.
func (f *fixture) goesWrong(id string, c pipeline.Country, kind pipeline.Kind, code string) {
	f.t.Helper()
	f.enrol(person(id, c))
	f.failsNow(kind, code)
}

// failsNow brings the one delivery that is due to that end.
func (f *fixture) failsNow(kind pipeline.Kind, code string) {
	f.t.Helper()
	q := f.run()
	f.record(q, f.claim(q), &pipeline.Fault{Kind: kind, Code: code, Reason: "the reason of " + code})
}

func attentionBehaviours() []behaviour {
	return []behaviour{
		{"what is held, in doubt or failed is grouped by its cause", func(f *fixture) {
			f.wantAttention()
			first := f.now
			f.goesWrong("ana", pipeline.MX, pipeline.Fail, "smtp.5.5.0")
			f.now = f.now.Add(time.Hour)
			f.goesWrong("bob", pipeline.MX, pipeline.Fail, "smtp.5.5.0")
			f.goesWrong("cid", pipeline.DO, pipeline.Fail, "smtp.5.5.0")
			f.goesWrong("eve", pipeline.MX, pipeline.Hold, "capa.not_found")
			f.enrol(person("fay", pipeline.DO))
			f.doubt()
			groups := f.wantAttention("failed smtp.5.5.0 MX 2", "doubt smtp.cut DO 1", "failed smtp.5.5.0 DO 1", "held capa.not_found MX 1")
			equal(f, "the first group", groups[0], store.AttentionGroup{
				Cause: store.Cause{State: pipeline.Failed, Code: "smtp.5.5.0", Country: pipeline.MX},
				Users: 2, First: first, Latest: f.now, UserID: "bob", Reason: "the reason of smtp.5.5.0",
			})
		}},
		{"the users of a group come page by page", func(f *fixture) {
			for _, id := range []string{"ana", "bob", "cid"} {
				f.goesWrong(id, pipeline.MX, pipeline.Fail, "test")
			}
			f.goesWrong("dan", pipeline.DO, pipeline.Fail, "test")
			cause := store.Cause{State: pipeline.Failed, Code: "test", Country: pipeline.MX}
			var ids []string
			for after := int64(0); ; {
				page, err := f.AttentionPage(f.t.Context(), cause, after, 2)
				f.must(err)
				if len(page) == 0 {
					break
				}
				for _, r := range page {
					ids, after = append(ids, r.User.User.ID), r.User.Key
					equal(f, "record", r, store.AttentionRecord{
						User: f.find(r.User.User.ID), Delivery: f.latest(r.User.User.ID).ID, Step: pipeline.Invite, Round: 1, Attempts: 1,
						Reason: "the reason of test", Since: f.now,
					})
				}
			}
			equal(f, "users", ids, []string{"ana", "bob", "cid"})
		}},
		{"a resend takes a user out, and another failure brings the user back, once", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Fail, "test")
			f.resend("ana", pipeline.Invite)
			f.wantAttention()
			f.failsNow(pipeline.Fail, "again")
			f.wantAttention("failed again MX 1")
			f.resend("ana", pipeline.Invite)
			f.mail()
			f.wantAttention()
		}},
		{"what is held or in doubt and sent again by hand is settled", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Hold, "test")
			f.resend("ana", pipeline.Invite)
			f.wantAttention()
			f.failsNow(pipeline.Hold, "test")
			f.wantAttention("held test MX 1")
			f.enrol(person("bob", pipeline.DO))
			f.doubt()
			f.wantAttention("doubt smtp.cut DO 1", "held test MX 1")
			f.resend("bob", pipeline.Invite)
			f.wantAttention("held test MX 1")
		}},
		{"a user to whom no mail may go any more needs no attention, until one may again", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Fail, "test")
			f.goesWrong("bob", pipeline.MX, pipeline.Hold, "test")
			f.mark("ana", pipeline.InReview)
			f.mark("bob", pipeline.InReview)
			f.wantAttention()
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantAttention()
			f.goesWrong("cid", pipeline.MX, pipeline.Fail, "test")
			f.source(person("cid", pipeline.MX))
			f.source()
			f.wantAttention()
			back := f.plan
			f.plan.MaxMails = 0 // nothing is planned in its place
			f.source(person("cid", pipeline.MX))
			f.plan = back
		}},
		{"a refused address waits for a person until there is another one", func(f *fixture) {
			f.badAddress("ana")
			groups := f.wantAttention("failed smtp.5.1.1 MX 1")
			equal(f, "reason", groups[0].Reason, "no such mailbox")
			u := person("ana", pipeline.MX)
			u.Email = "right@example.com"
			f.enrol(u) // which plans another invite
			f.wantAttention()
		}},
		{"what is held goes with its user to another country", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Hold, "test")
			f.goesWrong("bob", pipeline.MX, pipeline.Fail, "test")
			f.enrol(person("ana", pipeline.DO), person("bob", pipeline.DO))
			f.wantAttention("failed test MX 1", "held test DO 1")
		}},
		{"an erased user's reason is gone", func(f *fixture) {
			f.goesWrong("ana", pipeline.MX, pipeline.Hold, "test")
			f.goesWrong("bob", pipeline.MX, pipeline.Hold, "test")
			f.must(f.Erase(f.t.Context(), "bob", operator, f.now))
			equal(f, "who", f.wantAttention("held test MX 1")[0].UserID, "ana")
		}},
	}
}
