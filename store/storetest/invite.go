package storetest

import (
	"strings"

	"alta/pipeline"
	"alta/store"
)

// inviteBehaviours are those of a first mail that a sign-up call asks for. It overrules
// nothing, for a program asks for it and no person.
func inviteBehaviours() []behaviour {
	return []behaviour{
		{"the first mail is due at once, as an operator's", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.invite("ana", "")
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
			d := f.latest("ana")
			equal(f, "due time", d.DueAt, f.now)
			equal(f, "operator", d.Operator, true)
			entries, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "audited", len(entries), 1)
		}},
		{"who opted out is left in peace", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.OptedOut)
			f.invite("ana", "opted out")
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"what an operator holds stays held", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.hold("ana", "")
			f.invite("ana", "held")
			f.wantDeliveries("ana", "invite 1 held")
		}},
		{"a mail in doubt waits for a person", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.doubt()
			f.invite("ana", "may have arrived")
			f.wantDeliveries("ana", "invite 1 doubt")
		}},
		{"a bad address is not tried again", func(f *fixture) {
			f.badAddress("ana")
			f.invite("ana", "undeliverable")
			equal(f, "bad", f.find("ana").AddressBad, true)
			f.wantDeliveries("ana", "invite 1 failed")
		}},
		{"who has had a mail gets no other", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.invite("ana", "has had a mail")
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 due")
		}},
		{"a mail that is on its way is enough", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.claim(f.run())
			f.invite("ana", store.OnItsWay)
			f.wantDeliveries("ana", "invite 1 claimed")
		}},
		{"a done user gets nothing", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.Verified)
			f.invite("ana", "the user is verified")
		}},
		{"a user whom nobody knows is an error", func(f *fixture) {
			_, err := f.Invite(f.t.Context(), "nobody", operator, f.now)
			f.wantNotFound(err)
		}},
	}
}

func (f *fixture) invite(id, because string) {
	f.t.Helper()
	whyNot, err := f.Invite(f.t.Context(), id, operator, f.now)
	f.must(err)
	if (because == "") != (whyNot == "") || !strings.Contains(whyNot, because) {
		f.t.Fatalf("why not is %q, want it to say %q", whyNot, because)
	}
}
