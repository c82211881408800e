package storetest

import (
	"errors"
	"strings"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) wantNotFound(err error) {
	f.t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		f.t.Fatalf("error is %v, want ErrNotFound", err)
	}
}

func findBehaviours() []behaviour {
	named := func(id, external, email string) pipeline.User {
		u := person(id, pipeline.MX)
		u.ExternalID, u.Email = external, email
		return u
	}
	return []behaviour{
		{"a user is found by id, by external id and by address in any case", func(f *fixture) {
			f.enrol(named("ana", "x-1", "Ana@Example.com"), named("bob", "x-2", "bob@example.com"))
			for _, ref := range []string{"ana", "x-1", "ana@example.COM"} {
				equal(f, ref, f.find(ref).User.ID, "ana")
			}
		}},
		{"an id wins over another user's external id", func(f *fixture) {
			f.enrol(named("ana", "bob", "a@example.com"), named("bob", "x-2", "b@example.com"))
			equal(f, "bob", f.find("bob").User.ID, "bob")
		}},
		{"a reference that means several users is refused and names them", func(f *fixture) {
			f.enrol(named("ana", "x-1", "family@example.com"), named("bob", "x-1", "family@example.com"), named("eve", "x-3", "e@example.com"))
			for _, ref := range []string{"x-1", "family@example.com"} {
				_, err := f.Find(f.t.Context(), ref)
				if err == nil || errors.Is(err, store.ErrNotFound) {
					f.t.Fatalf("find %s: %v, want an error that it is ambiguous", ref, err)
				}
				if s := err.Error(); !strings.Contains(s, "ana, bob") || strings.Contains(s, "eve") {
					f.t.Errorf("find %s: %q does not name ana and bob alone", ref, s)
				}
			}
		}},
		{"nobody is found by what is empty or unknown", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			for _, ref := range []string{"", "nobody", "ana@example.com", "%"} {
				_, err := f.Find(f.t.Context(), ref)
				f.wantNotFound(err)
			}
		}},
	}
}
