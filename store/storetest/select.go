package storetest

import (
	"fmt"
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) selected(sel store.Selection) []string {
	f.t.Helper()
	found, err := f.Select(f.t.Context(), sel, f.now)
	f.must(err)
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.User.ID)
	}
	return ids
}

// oneOfEach enrols users in the conditions that a selection tells apart, and
// leaves the clock where the mailed ones hold expired links.
func (f *fixture) oneOfEach() {
	f.t.Helper()
	fault := func(kind pipeline.Kind) error { return &pipeline.Fault{Kind: kind, Code: "test", Reason: "test"} }
	f.enrol(person("mailed", pipeline.MX))
	f.mail()
	f.enrol(person("failed", pipeline.DO))
	q := f.run()
	f.record(q, f.claim(q), fault(pipeline.Fail))
	f.enrol(person("held", pipeline.MX))
	f.record(q, f.claim(q), fault(pipeline.Hold))
	f.enrol(person("doubt", pipeline.DO))
	f.doubt()
	f.enrol(person("verified", pipeline.MX))
	f.mail()
	f.mark("verified", pipeline.Verified)
	f.source(person("gone", pipeline.MX))
	f.source()
	f.enrol(person("waiting", pipeline.DO))
	f.now = f.now.Add(linkTTL)
}

func selectBehaviours() []behaviour {
	return []behaviour{
		{"every field narrows the choice", func(f *fixture) {
			f.oneOfEach()
			for _, c := range []struct {
				sel  store.Selection
				want []string
			}{
				{store.Selection{Country: pipeline.MX}, []string{"mailed", "held"}},
				{store.Selection{Country: pipeline.DO}, []string{"failed", "doubt", "waiting"}},
				{store.Selection{Expired: true}, []string{"mailed"}},
				{store.Selection{Failed: true}, []string{"failed", "held"}},
				{store.Selection{Doubt: true}, []string{"doubt"}},
				{store.Selection{Failed: true, Country: pipeline.DO}, []string{"failed"}},
				{store.Selection{Expired: true, Country: pipeline.DO}, []string{}},
				{store.Selection{Doubt: true, Failed: true}, []string{}},
			} {
				equal(f, fmt.Sprintf("%+v", c.sel), f.selected(c.sel), c.want)
			}
		}},
		{"a link that still lives is not expired", func(f *fixture) {
			f.oneOfEach()
			f.now = f.now.Add(-time.Millisecond)
			equal(f, "expired", f.selected(store.Selection{Expired: true}), []string{})
		}},
		{"a failure counts only while it is the latest that happened", func(f *fixture) {
			f.oneOfEach()
			f.resend("failed", pipeline.Invite)
			equal(f, "failed", f.selected(store.Selection{Failed: true}), []string{"held"})
		}},
		{"users who are named come in that order, whatever their status", func(f *fixture) {
			f.oneOfEach()
			equal(f, "named", f.selected(store.Selection{UserIDs: []string{"waiting", "verified", "gone"}}), []string{"waiting", "verified", "gone"})
		}},
		{"a named user whom nobody knows is an error", func(f *fixture) {
			f.oneOfEach()
			_, err := f.Select(f.t.Context(), store.Selection{UserIDs: []string{"mailed", "nobody"}}, f.now)
			f.wantNotFound(err)
		}},
	}
}
