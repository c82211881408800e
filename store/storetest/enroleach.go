package storetest

import (
	"slices"

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
			}, f.next, "", operator, f.now)
			f.must(err)
			equal(f, "outcomes", each, map[string]store.Outcome{
				"new": store.WasAdded, "same": store.WasUnchanged, "news": store.WasUpdated, "gone": store.WasErased,
			})
			equal(f, "name", f.find("news").User.Name, "Nuevo")
			f.wantDeliveries("new", "invite 1 due")
		}},
		{"who was added or changed is audited, with the names of what changed and none of its values", func(f *fixture) {
			f.enrol(person("same", pipeline.MX), person("news", pipeline.MX), person("gone", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "gone", operator, f.now))
			news := person("news", pipeline.DO)
			news.Email, news.Name, news.ExternalID = "nueva@example.com", "Nuevo", "x-77"
			crm := store.Act{Actor: "token:crm"}
			_, err := f.EnrolEach(f.t.Context(), []pipeline.User{
				news, person("same", pipeline.MX), person("new", pipeline.DO), person("gone", pipeline.MX),
			}, f.next, "invite now", crm, f.now)
			f.must(err)
			f.wantEnrolLines(crm.Actor,
				"news: changed external_id, email, name, country, locale, time_zone, invite now", "new: added, invite now")
			_, err = f.EnrolEach(f.t.Context(), []pipeline.User{news, person("second", pipeline.MX)}, f.next, "", crm, f.now)
			f.must(err)
			f.wantEnrolLines(crm.Actor,
				"news: changed external_id, email, name, country, locale, time_zone, invite now", "new: added, invite now", "second: added")
			f.verifyAudit()
		}},
		{"an import of the same is not audited", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.enrol(person("ana", pipeline.DO))
			equal(f, "audit", f.audited("ana"), []string{})
		}},
		{"who comes back to the ledger is audited, though no field of the user changed", func(f *fixture) {
			f.source(person("ana", pipeline.MX))
			f.source()
			equal(f, "withdrawn", f.find("ana").Withdrawn, true)
			_, err := f.EnrolEach(f.t.Context(), []pipeline.User{person("ana", pipeline.MX)}, f.next, "", operator, f.now)
			f.must(err)
			f.wantEnrolLines(operator.Actor, "ana: changed withdrawn: "+operator.Reason)
		}},
		{"a status that would move is refused, and so is all else that came of the user", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX))
			f.must(f.Mark(f.t.Context(), "bob", pipeline.Verified, f.next, operator, f.now))
			ana, bob, eva := person("ana", pipeline.DO), person("bob", pipeline.MX), person("eva", pipeline.MX)
			ana.Status, bob.Status, eva.Status = pipeline.OptedOut, pipeline.Pending, pipeline.InReview
			each, err := f.EnrolEach(f.t.Context(), []pipeline.User{ana, bob, eva}, f.next, "", store.Act{Actor: "token:crm"}, f.now)
			f.must(err)
			equal(f, "outcomes", each, map[string]store.Outcome{
				"ana": store.WasRefused, "bob": store.WasUnchanged, "eva": store.WasAdded, // bob's would move back, which none does
			})
			equal(f, "ana's status", f.find("ana").User.Status, pipeline.Pending)
			equal(f, "ana's country", f.find("ana").User.Country, pipeline.MX)
			equal(f, "bob's status", f.find("bob").User.Status, pipeline.Verified)
			equal(f, "eva's status", f.find("eva").User.Status, pipeline.InReview)
			f.wantEnrolLines("token:crm", "eva: added")
		}},
		{"what the plan makes an operator's is due as one", func(f *fixture) {
			_, err := f.EnrolEach(f.t.Context(), []pipeline.User{person("ana", pipeline.MX)},
				func(pipeline.User, pipeline.History) (pipeline.Next, bool) {
					return pipeline.Next{Step: pipeline.Invite, DueAt: f.now, Operator: true}, true
				}, "", operator, f.now)
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

// wantEnrolLines compares what the audit log has of users whom the actor handed over,
// the oldest first.
func (f *fixture) wantEnrolLines(actor string, want ...string) {
	f.t.Helper()
	lines := []string{}
	for _, line := range slices.Backward(f.auditPage(store.AuditFilter{Actor: actor})) {
		if line.Action == store.ActEnrol {
			lines = append(lines, line.UserID+": "+line.Detail)
		}
	}
	equal(f, "lines of the audit log", lines, want)
}
