package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"alta/pipeline"
	"alta/store"
)

// searched walks all pages of a search.
func (f *fixture) searched(q store.Search) (ids []string) {
	f.t.Helper()
	ids = []string{}
	for range 1000 {
		page, next, err := f.Search(f.t.Context(), q)
		f.must(err)
		if len(page) > q.Limit && q.Limit > 0 {
			f.t.Fatalf("a page of %d, want %d at most", len(page), q.Limit)
		}
		for _, r := range page {
			ids = append(ids, r.User.ID)
		}
		if next == "" {
			return ids
		}
		q.After = next
	}
	f.t.Fatal("the search does not end")
	return nil
}

func (f *fixture) wantSearched(q store.Search, want ...string) {
	f.t.Helper()
	equal(f, fmt.Sprintf("found by %+v", q), f.searched(q), append([]string{}, want...))
}

// named enrols people of whom a text can mean different things.
func (f *fixture) named() {
	f.t.Helper()
	f.enrol(
		pipeline.User{ID: "c-100", ExternalID: "maria", Email: "m.garcia@example.com", Name: "María García Núñez", Country: pipeline.MX},
		pipeline.User{ID: "c-101", ExternalID: "X-7", Email: "Maria.Lopez@example.com", Name: "María López", Country: pipeline.DO},
		pipeline.User{ID: "maria-7", Email: "zoe@example.com", Name: "ÚRSULA Ñandú", Country: pipeline.MX, Type: pipeline.Business},
		pipeline.User{ID: "c-102", Email: "ana_b@example.com", Name: "Maria Zapata", Country: pipeline.MX, Locale: "en-US"},
		pipeline.User{ID: "c-103", Email: "ana@example.com", Name: "Ana", Country: pipeline.MX},
		pipeline.User{ID: "c-104", Email: "anab@example.com", Name: "Mario", Country: pipeline.MX},
		pipeline.User{ID: "c-105", Email: "ana-b@example.com", Name: "Émile 100% o'Hara", Country: pipeline.DO},
	)
}

func searchBehaviours() []behaviour {
	return []behaviour{
		{"a text is how an id, an external id, an address or a name begins, in that order, and finds nobody twice", func(f *fixture) {
			f.named()
			f.wantSearched(store.Search{Text: "maria"}, "maria-7", "c-100", "c-101", "c-102")
			f.wantSearched(store.Search{Text: "c-10"}, "c-100", "c-101", "c-102", "c-103", "c-104", "c-105")
			f.wantSearched(store.Search{Text: "X-7"}, "c-101")
			f.wantSearched(store.Search{Text: "nobody"})
			f.wantSearched(store.Search{Text: "garcia"}) // only how a name begins
		}},
		{"the case of an address and of a name does not count, nor do a name's accents", func(f *fixture) {
			f.named()
			f.wantSearched(store.Search{Text: "MARIA.l"}, "c-101")
			f.wantSearched(store.Search{Text: "maria.LOPEZ@EXAMPLE.com"}, "c-101")
			f.wantSearched(store.Search{Text: "maría garcía n"}, "c-100")
			f.wantSearched(store.Search{Text: "MARÍA GARCIA NÚÑ"}, "c-100")
			f.wantSearched(store.Search{Text: "ursula nandu"}, "maria-7")
			f.wantSearched(store.Search{Text: " Ursula "}, "maria-7")
		}},
		{"a text is taken word for word", func(f *fixture) {
			f.named()
			f.wantSearched(store.Search{Text: "ana@"}, "c-103")
			f.wantSearched(store.Search{Text: "ana_"}, "c-102")
			f.wantSearched(store.Search{Text: "ana%"})
			f.wantSearched(store.Search{Text: "É"}, "c-105")
			f.wantSearched(store.Search{Text: "emile 100% o'"}, "c-105")
			f.wantSearched(store.Search{Text: `'; DROP TABLE users; --`})
		}},
		{"every filter narrows the search, with and without a text", func(f *fixture) {
			f.named()
			f.mark("c-104", pipeline.Verified)
			for _, c := range []struct {
				q    store.Search
				want []string
			}{
				{store.Search{}, []string{"c-100", "c-101", "maria-7", "c-102", "c-103", "c-104", "c-105"}},
				{store.Search{Country: pipeline.DO}, []string{"c-101", "c-105"}},
				{store.Search{Status: pipeline.Verified}, []string{"c-104"}},
				{store.Search{Country: pipeline.DO, Status: pipeline.Verified}, []string{}},
				{store.Search{Type: pipeline.Business}, []string{"maria-7"}},
				{store.Search{Locale: "en-US"}, []string{"c-102"}},
				{store.Search{Country: pipeline.MX, Locale: "en-US", Type: pipeline.Business}, []string{}},
				{store.Search{Text: "maria", Country: pipeline.MX}, []string{"maria-7", "c-100", "c-102"}},
				{store.Search{Text: "maria", Type: pipeline.Business}, []string{"maria-7"}},
				{store.Search{Text: "mar", Status: pipeline.Verified}, []string{"c-104"}},
				{store.Search{Text: "c-10", Locale: "en-US"}, []string{"c-102"}},
				{store.Search{Text: "c-10", Stage: store.StageWaiting, Country: pipeline.DO}, []string{"c-101", "c-105"}},
			} {
				f.wantSearched(c.q, c.want...)
			}
		}},
		{"a stage finds the users that the funnel counts", func(f *fixture) {
			f.badAddress("bounced")
			f.visit(f.invited("opened"), pipeline.Opened, 1, f.now)
			f.visit(f.invited("reviewed"), pipeline.Opened, 1, f.now)
			f.mark("reviewed", pipeline.InReview)
			f.oneOfEach()
			f.source(person("left", pipeline.MX))
			f.source()
			f.wantSearched(store.Search{Stage: store.StageWaiting, Country: pipeline.MX}, "bounced", "held", "gone", "left")
			f.wantSearched(store.Search{Stage: store.StageMailed}, "opened", "mailed")
			f.wantSearched(store.Search{Stage: store.StageOpened}, "opened")
			f.wantSearched(store.Search{Stage: store.StageOpened, Country: pipeline.DO})
			f.wantSearched(store.Search{Stage: store.StageOpened, Text: "op"}, "opened")
			f.wantSearched(store.Search{Stage: store.StageWithdrawn}, "gone", "left")
			f.wantSearched(store.Search{Stage: store.StageBadEmail}, "bounced")
			f.wantSearched(store.Search{Stage: store.StageMailed, Status: pipeline.InReview})
			f.wantSearched(store.Search{Stage: store.StageMailed, Status: pipeline.InReview, Text: "re"})
			f.wantSearched(store.Search{Stage: "far"})
			mx := f.status().Funnel[0]
			for stage, want := range map[store.Stage]int{
				store.StageWaiting: mx.Waiting, store.StageMailed: mx.Mailed, store.StageOpened: mx.Opened,
				store.StageWithdrawn: mx.Withdrawn, store.StageBadEmail: mx.BadEmail,
			} {
				equal(f, string(stage)+" in Mexico", len(f.searched(store.Search{Stage: stage, Country: pipeline.MX})), want)
			}
		}},
		{"pages follow each other, however small, and no user is missing or there twice", func(f *fixture) {
			var all []pipeline.User
			for i := range 30 {
				u := person(fmt.Sprintf("user-%02d", i), []pipeline.Country{pipeline.MX, pipeline.DO}[i%2])
				u.Name = []string{"Ana", "ana", "Ána", "Anabel"}[i%4] // many with the same place in the order
				u.Email = fmt.Sprintf("%s%d@example.com", []string{"ana", "bea"}[i/15], i)
				all = append(all, u)
			}
			f.enrol(all...)
			for _, q := range []store.Search{{}, {Text: "ana"}, {Text: "user-"}, {Country: pipeline.MX}, {Status: pipeline.Pending}, {Text: "ana", Country: pipeline.DO}, {Text: "a", Stage: store.StageWaiting}} {
				whole := f.searched(q)
				for _, limit := range []int{1, 2, 7, 30} {
					q.Limit = limit
					f.wantSearched(q, whole...)
				}
				slices.Sort(whole)
				if len(whole) < 15 || len(slices.Compact(whole)) != len(f.searched(q)) {
					f.t.Fatalf("found %q by %+v", whole, q)
				}
			}
		}},
		{"a user who is erased is found by the Capa id alone", func(f *fixture) {
			f.named()
			f.must(f.Erase(f.t.Context(), "c-100", operator, f.now))
			f.wantSearched(store.Search{Text: "m.garcia"})
			f.wantSearched(store.Search{Text: "maria", Country: pipeline.MX}, "maria-7", "c-102")
			f.wantSearched(store.Search{Text: "c-100"}, "c-100")
			f.wantSearched(store.Search{Status: pipeline.Erased}, "c-100")
		}},
		{"a place that is none of the search's is refused", func(f *fixture) {
			f.named()
			_, next, err := f.Search(f.t.Context(), store.Search{Limit: 1})
			f.must(err)
			for _, q := range []store.Search{{After: "x"}, {After: "!"}, {After: strings.Repeat("A", 40)}, {After: next, Text: "maria"}} {
				if _, _, err := f.Search(f.t.Context(), q); !errors.Is(err, store.ErrCursor) {
					f.t.Fatalf("%+v: %v, want %v", q, err, store.ErrCursor)
				}
			}
		}},
	}
}
