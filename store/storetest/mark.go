package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func markBehaviours() []behaviour {
	return []behaviour{
		{"a user who is no longer pending is owed nothing", func(f *fixture) {
			for _, s := range []pipeline.Status{pipeline.InReview, pipeline.Verified, pipeline.Rejected, pipeline.OptedOut} {
				id := string(s)
				f.enrol(person(id, pipeline.MX))
				f.mark(id, s)
				f.wantDeliveries(id, "invite 1 cancelled")
				equal(f, "code", f.latest(id).Code, "user_"+id)
			}
		}},
		{"a user who becomes pending again is owed the next mail", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.Rejected)
			f.mark("ana", pipeline.Pending)
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
		}},
		{"a user who was mailed and becomes pending again is reminded, not invited", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.mark("ana", pipeline.InReview)
			f.mark("ana", pipeline.Pending)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reminder 2 due")
			equal(f, "due time", f.latest("ana").DueAt, f.now.Add(24*time.Hour))
		}},
		{"an operator may move a terminal status", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			for _, s := range []pipeline.Status{pipeline.Verified, pipeline.Rejected, pipeline.OptedOut, pipeline.InReview, pipeline.Pending} {
				f.mark("ana", s)
				equal(f, "status", f.find("ana").User.Status, s)
			}
		}},
		{"the same status again keeps the delivery", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.Pending)
			f.wantDeliveries("ana", "invite 1 due")
		}},
		{"a held delivery and one in doubt are cancelled too", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.record(q, f.claim(q), &pipeline.Fault{Kind: pipeline.Hold, Code: "render"})
			f.enrol(person("bob", pipeline.MX))
			f.doubt()
			f.mark("ana", pipeline.Verified)
			f.mark("bob", pipeline.Verified)
			f.wantDeliveries("ana", "invite 1 cancelled")
			f.wantDeliveries("bob", "invite 1 cancelled")
		}},
		{"what is claimed is left to its run", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.claim(f.run())
			f.mark("ana", pipeline.Verified)
			f.wantDeliveries("ana", "invite 1 claimed")
		}},
		{"nobody is marked as erased, and an erased user is not marked", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			if err := f.Mark(f.t.Context(), "ana", pipeline.Erased, f.next, operator, f.now); err == nil {
				f.t.Fatal("a mark erased the user")
			}
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			if err := f.Mark(f.t.Context(), "ana", pipeline.Pending, f.next, operator, f.now); err == nil {
				f.t.Fatal("a mark revived an erased user")
			}
			equal(f, "status", f.find("ana").User.Status, pipeline.Erased)
		}},
		{"a user whom nobody knows is not marked", func(f *fixture) {
			f.wantNotFound(f.Mark(f.t.Context(), "nobody", pipeline.Verified, f.next, operator, f.now))
		}},
		{"a mark is audited with who and why, and a refused one is not", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.Verified)
			_ = f.Mark(f.t.Context(), "ana", pipeline.Erased, f.next, operator, f.now)
			f.mark("ana", pipeline.Pending)
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "audit", got, []store.AuditEntry{
				{At: f.now, Actor: "olga", Action: "mark", UserID: "ana", Detail: "pending -> verified: the customer called"},
				{At: f.now, Actor: "olga", Action: "mark", UserID: "ana", Detail: "verified -> pending: the customer called"},
			})
		}},
	}
}
