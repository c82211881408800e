package storetest

import (
	"errors"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) hold(id, whyNot string) {
	f.t.Helper()
	got, err := f.Hold(f.t.Context(), id, operator, f.now)
	f.must(err)
	equal(f, "why not held", got, whyNot)
}

func (f *fixture) release(id, whyNot string) {
	f.t.Helper()
	got, err := f.Unhold(f.t.Context(), id, operator, f.now)
	f.must(err)
	equal(f, "why not released", got, whyNot)
}

func holdBehaviours() []behaviour {
	return []behaviour{
		{"a mail that is due is held, and does not go out", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.wantDeliveries("ana", "invite 1 held")
			equal(f, "code", f.latest("ana").Code, store.OperatorHold)
			equal(f, "reason", f.latest("ana").Reason, "an operator holds it: the customer called")
			equal(f, "pulled", users(f.pull(f.run(), 10).Deliveries), []string{})
			f.wantAttention("held operator_hold MX 1")
		}},
		{"a mail that is due later is held past its time", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.hold("ana", "")
			f.now = f.now.Add(48 * time.Hour)
			equal(f, "pulled", users(f.pull(f.run(), 10).Deliveries), []string{})
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 held")
		}},
		{"what is released is due as it was", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			was := f.latest("ana")
			f.now = f.now.Add(time.Hour)
			f.hold("ana", "")
			f.now = f.now.Add(time.Hour)
			f.release("ana", "")
			is := f.latest("ana")
			equal(f, "when it was touched", is.UpdatedAt, f.now)
			is.UpdatedAt = was.UpdatedAt
			equal(f, "the mail", is, was)
			f.now = f.now.Add(24 * time.Hour)
			f.mail()
			f.wantAttention()
		}},
		{"a resend takes the place of what is held", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.resend("ana", pipeline.Invite)
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
			f.release("ana", store.NotHeld)
		}},
		{"a mail in doubt that is due again can be held, and a resend repeats the same message", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			was := f.claim(q)
			f.begin(q, was)
			f.record(q, was, inDoubt())
			f.hold("ana", "")
			equal(f, "pulled", users(f.pull(f.run(), 10).Deliveries), []string{})
			f.resend("ana", pipeline.Invite)
			f.wantDeliveries("ana", "invite 1 due")
			f.wantSameMail(f.claim(f.run()), was)
		}},
		{"a resend by criteria leaves out who is held by an operator", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			equal(f, "selected", f.selected(store.Selection{Failed: true}), []string{})
		}},
		{"a wish for a mail does not undo a hold", func(f *fixture) {
			d := f.invited("ana")
			f.askLater(d)
			f.hold("ana", "")
			f.answer("ana", false)
			f.wantAskers()
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 held")
		}},
		{"a user whose status changes is owed nothing, held or not", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.mark("ana", pipeline.Verified)
			f.wantDeliveries("ana", "invite 1 cancelled")
			f.release("ana", store.NotHeld)
		}},
		{"it says why nothing can be held", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.hold("ana", store.HeldAlready)
			f.goesWrong("bob", pipeline.MX, pipeline.Hold, "render")
			f.hold("bob", store.WaitsAlready)
			f.release("bob", store.NotHeld)
			f.enrol(person("cid", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.hold("cid", store.OnItsWay)
			f.begin(q, d)
			f.hold("cid", store.OnItsWay)
			f.record(q, d, nil)
			f.mark("cid", pipeline.Verified)
			f.hold("cid", store.NothingDue)
			f.enrol(person("eve", pipeline.MX))
			f.doubt()
			f.hold("eve", store.WaitsAlready)
			f.release("eve", store.NotHeld)
		}},
		{"a user whom nobody knows is an error", func(f *fixture) {
			_, err := f.Hold(f.t.Context(), "nobody", operator, f.now)
			f.wantNotFound(err)
			_, err = f.Unhold(f.t.Context(), "nobody", operator, f.now)
			f.wantNotFound(err)
		}},
		{"what was done is audited, what was refused is not", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.release("ana", store.NotHeld)
			f.hold("ana", "")
			f.hold("ana", store.HeldAlready)
			f.release("ana", "")
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "audit", got, []store.AuditEntry{
				{At: f.now, Actor: "olga", Action: "hold", UserID: "ana", Detail: "invite 1: the customer called"},
				{At: f.now, Actor: "olga", Action: "release", UserID: "ana", Detail: "invite 1: the customer called"},
			})
		}},
		{"an erasure takes the reason away", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
	}
}

func (m *machine) hold(t *rapid.T) {
	_, err := m.ledger.Hold(t.Context(), drawID(t), machineActor, m.now)
	m.unlessUnknown(t, err)
}

func (m *machine) release(t *rapid.T) {
	_, err := m.ledger.Unhold(t.Context(), drawID(t), machineActor, m.now)
	m.unlessUnknown(t, err)
}

func (m *machine) unlessUnknown(t *rapid.T, err error) {
	if errors.Is(err, store.ErrNotFound) {
		t.Skip("unknown")
	}
	m.must(err)
}
