package storetest

import (
	"alta/pipeline"
	"alta/store"
)

func enrolEachBehaviours() []behaviour {
	return []behaviour{
		{"what became of each user is told by the id", func(f *fixture) {
			f.enrol(person("same", pipeline.MX), person("news", pipeline.MX), person("gone", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "gone", operator, f.now))
			news := person("news", pipeline.MX)
			news.Name = "Nuevo"
			each, err := f.EnrolEach(f.t.Context(), []pipeline.User{
				person("new", pipeline.DO), person("same", pipeline.MX), news, person("gone", pipeline.MX),
			}, f.next, f.now)
			f.must(err)
			equal(f, "outcomes", each, map[string]store.Outcome{
				"new": store.WasAdded, "same": store.WasUnchanged, "news": store.WasUpdated, "gone": store.WasErased,
			})
			equal(f, "name", f.find("news").User.Name, "Nuevo")
			f.wantDeliveries("new", "invite 1 due")
		}},
		{"what the plan makes an operator's is due as one", func(f *fixture) {
			_, err := f.EnrolEach(f.t.Context(), []pipeline.User{person("ana", pipeline.MX)},
				func(pipeline.User, pipeline.History) (pipeline.Next, bool) {
					return pipeline.Next{Step: pipeline.Invite, DueAt: f.now, Operator: true}, true
				}, f.now)
			f.must(err)
			due, err := f.OperatorDue(f.t.Context(), f.now)
			f.must(err)
			equal(f, "an operator's mail is due", due, true)
		}},
		{"users are listed by their external id, exactly", func(f *fixture) {
			for id, external := range map[string]string{"ana": "x-1", "bob": "x-10", "eva": ""} {
				u := person(id, pipeline.MX)
				u.ExternalID = external
				f.enrol(u)
			}
			ids, _ := f.list(store.Filter{ExternalID: "x-1"})
			equal(f, "ids", ids, []string{"ana"})
			ids, _ = f.list(store.Filter{ExternalID: "x-1", Email: "bob@example.com"})
			equal(f, "of another address", len(ids), 0)
			ids, _ = f.list(store.Filter{ExternalID: "x-1", Country: pipeline.MX, Status: pipeline.Pending})
			equal(f, "of the country", ids, []string{"ana"})
			ids, _ = f.list(store.Filter{ExternalID: "X-1"})
			equal(f, "in another spelling", len(ids), 0)
		}},
		{"an act that changes nothing is in the audit log all the same", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.must(f.NoteAct(f.t.Context(), "link", "ana", "minted", operator, f.now))
			f.must(f.NoteAct(f.t.Context(), "run", "", "", operator, f.now))
			equal(f, "audit of the user", f.audited("ana"), []string{"link"})
			equal(f, "audit of the ledger", f.audited(""), []string{"run"})
			f.verifyAudit()
		}},
	}
}
