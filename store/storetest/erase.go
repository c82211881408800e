package storetest

import (
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func eraseBehaviours() []behaviour {
	return []behaviour{
		{"no personal data is left in any table", noPersonalDataIsLeft},
		{"news from before the import is forgotten too, and what could be of another user stays", func(f *fixture) {
			f.tell("x-1", "VERIFIED_USER", pipeline.UnknownUser)
			f.tell("x-2", "VERIFIED_USER", pipeline.UnknownUser)
			f.enrol(known("ana", "x-1"), known("bob", "x-2"), known("cid", "x-2"))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.must(f.Erase(f.t.Context(), "bob", operator, f.now))
			equal(f, "waiting", len(f.inbox()), 1)
			equal(f, "of whom", f.inbox()[0].ExternalID, "x-2")
			f.must(f.Erase(f.t.Context(), "cid", operator, f.now))
			equal(f, "waiting", f.inbox(), []store.NewsRecord{})
		}},
		{"the id and the bare facts remain", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			before := f.find("ana").History
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled")
			equal(f, "attempts", len(f.deliveries("ana")[0].Attempts), 1)
			equal(f, "outcome", f.deliveries("ana")[0].Attempts[0].Outcome, pipeline.OutcomeSent)
			r := f.find("ana")
			equal(f, "history", r.History, before)
			equal(f, "user", r.User, pipeline.User{
				ID: "ana", Country: pipeline.MX, Locale: pipeline.ESMX, TimeZone: "America/Mexico_City",
				Type: pipeline.Individual, Status: pipeline.Erased,
			})
		}},
		{"other users keep everything", func(f *fixture) {
			f.enrol(person("bob", pipeline.MX))
			f.mail()
			before := f.find("bob")
			f.enrol(person("ana", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			equal(f, "record", f.find("bob"), before)
			f.wantDeliveries("bob", "invite 1 sent", "reminder 1 due")
			equal(f, "receipt", f.deliveries("bob")[0].Receipt, "250 2.0.0 Ok")
		}},
		{"a user whose mail is on its way is not erased this moment", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			for _, step := range []func(){func() {}, func() { f.begin(q, d) }} {
				step()
				if err := f.Erase(f.t.Context(), "ana", operator, f.now); err == nil {
					f.t.Fatal("erased while a mail was on its way")
				}
			}
			f.record(q, d, nil)
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
		}},
		{"a user whom nobody knows is not erased", func(f *fixture) {
			f.wantNotFound(f.Erase(f.t.Context(), "nobody", operator, f.now))
		}},
		{"an erasure is audited", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "entries", len(got), 1)
			equal(f, "action", got[0].Action, "erase")
		}},
	}
}

func noPersonalDataIsLeft(f *fixture) {
	u := person("the-capa-id", pipeline.MX)
	u.ExternalID, u.Email, u.Name = "external-7", "maria.perez@example.net", "María Pérez"
	f.enrol(u)
	q := f.run()
	d := f.claim(q)
	f.begin(q, d)
	d.Receipt.Reply = "451 4.7.1 <maria.perez@example.net>: greylisted"
	f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.7.1", Reason: "the server said: maria.perez@example.net, later"})
	f.until(f.latest(u.ID).DueAt)
	f.mail()
	f.now = f.now.Add(24 * time.Hour)
	f.askLater(f.mailTicket())
	f.tell("external-7", "DELETED_KYC", pipeline.UnknownEvent)

	secrets := []string{"external-7", "maria.perez", "María", "greylisted"}
	for _, s := range secrets {
		if !strings.Contains(f.dump(), s) {
			f.t.Fatalf("%q was never in the ledger, so the test would prove nothing", s)
		}
	}
	f.must(f.Erase(f.t.Context(), u.ID, operator, f.now))
	dump := f.dump()
	for _, s := range secrets {
		if strings.Contains(dump, s) {
			f.t.Errorf("%q is still in the ledger after the erasure", s)
		}
	}
	f.wantAskers()
	equal(f, "news", f.inbox(), []store.NewsRecord{})
	if !strings.Contains(dump, u.ID) {
		f.t.Error("the Capa id is gone, so an import would bring the user back")
	}
	f.enrol(u)
	if dump := f.dump(); strings.Contains(dump, "maria.perez") {
		f.t.Error("an import brought the address back")
	}
}

func (f *fixture) dump() string {
	f.t.Helper()
	text, err := f.Dump(f.t.Context())
	f.must(err)
	return text
}
