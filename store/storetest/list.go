package storetest

import (
	"errors"
	"fmt"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) list(filter store.Filter) (ids []string, lastKey int64) {
	f.t.Helper()
	ids = []string{}
	f.must(f.List(f.t.Context(), filter, func(r store.UserRecord) error {
		ids, lastKey = append(ids, r.User.ID), r.Key
		return nil
	}))
	return ids, lastKey
}

func listBehaviours() []behaviour {
	three := func(f *fixture) {
		f.enrol(person("cid", pipeline.MX), person("ana", pipeline.DO), person("bob", pipeline.MX))
		f.mark("bob", pipeline.Verified)
	}
	return []behaviour{
		{"users come in the order in which they were added", func(f *fixture) {
			three(f)
			got, _ := f.list(store.Filter{})
			equal(f, "ids", got, []string{"cid", "ana", "bob"})
		}},
		{"filters add up", func(f *fixture) {
			three(f)
			for _, c := range []struct {
				filter store.Filter
				want   []string
			}{
				{store.Filter{Country: pipeline.MX}, []string{"cid", "bob"}},
				{store.Filter{Status: pipeline.Pending}, []string{"cid", "ana"}},
				{store.Filter{Country: pipeline.MX, Status: pipeline.Verified}, []string{"bob"}},
				{store.Filter{Email: "ANA@example.com"}, []string{"ana"}},
				{store.Filter{Email: "ana@example.com", Country: pipeline.MX}, []string{}},
				{store.Filter{Limit: 2}, []string{"cid", "ana"}},
			} {
				got, _ := f.list(c.filter)
				equal(f, fmt.Sprintf("%+v", c.filter), got, c.want)
			}
		}},
		{"pages by key show every user once", func(f *fixture) {
			three(f)
			first, key := f.list(store.Filter{Limit: 2})
			rest, _ := f.list(store.Filter{Limit: 2, After: key})
			equal(f, "pages", append(first, rest...), []string{"cid", "ana", "bob"})
		}},
		{"a long list is whole", func(f *fixture) {
			want := []string{}
			var batch []pipeline.User
			for i := range 2001 {
				u := person(fmt.Sprintf("user-%04d", i), pipeline.MX)
				batch, want = append(batch, u), append(want, u.ID)
			}
			f.enrol(batch...)
			got, _ := f.list(store.Filter{})
			equal(f, "ids", got, want)
			got, _ = f.list(store.Filter{Limit: 1500})
			equal(f, "first 1500", got, want[:1500])
		}},
		{"an error of the caller ends the list and is returned", func(f *fixture) {
			three(f)
			stop, seen := errors.New("stop"), 0
			err := f.List(f.t.Context(), store.Filter{}, func(store.UserRecord) error { seen++; return stop })
			if !errors.Is(err, stop) || seen != 1 {
				f.t.Fatalf("error %v after %d users, want the caller's after one", err, seen)
			}
		}},
		{"the caller may write while it lists", func(f *fixture) {
			three(f)
			f.must(f.List(f.t.Context(), store.Filter{Status: pipeline.Pending}, func(r store.UserRecord) error {
				return f.Mark(f.t.Context(), r.User.ID, pipeline.InReview, f.next, operator, f.now)
			}))
			got, _ := f.list(store.Filter{Status: pipeline.InReview})
			equal(f, "ids", got, []string{"cid", "ana"})
		}},
	}
}
