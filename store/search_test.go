package store

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"alta/pipeline"
)

// A search in which hardly anybody matches ends its pages early, says where to go on,
// and finds everybody in the end.
func TestASearchThatTurnsDownNearlyAllGoesOnWhereItStopped(t *testing.T) {
	const users, each = 90_000, 30_000 // one of each matches
	look := func(r Range, n, most int) (found []Found, stopped *Place, err error) {
		for key := r.From.Key + 1; key <= users; key++ {
			if key%each == 0 {
				found = append(found, Found{UserRecord: UserRecord{Key: key}})
			}
			if len(found) == n {
				return found, nil, nil
			}
			if key == r.From.Key+int64(most) {
				return found, &Place{Order: r.From.Order, Key: key}, nil
			}
		}
		return found, nil, nil
	}
	var keys []int64
	pages := 0
	for q := (Search{Limit: 2}); ; pages++ {
		page, next, err := q.Page(look)
		if err != nil || len(page) > 2 {
			t.Fatal(page, err)
		}
		for _, r := range page {
			keys = append(keys, r.Key)
		}
		if next == "" {
			break
		}
		q.After = next
	}
	if want := []int64{each, 2 * each, 3 * each}; !slices.Equal(keys, want) {
		t.Errorf("found %d, want %d", keys, want)
	}
	if pages < users/manyLookedAt-4 || pages > users/manyLookedAt {
		t.Errorf("%d pages, of which none looks at more than %d users", pages, manyLookedAt)
	}
}

// A name is kept folded by whoever writes one, and an upgrade folds those that are there
// in the same way.
func TestANameIsKeptFolded(t *testing.T) {
	s := openAt(t, newPath(t))
	want := func(id, folded string) {
		t.Helper()
		got, err := column[string](boundTo(t.Context(), s.reads), `SELECT folded FROM users WHERE id = ?`, id)
		if err != nil || len(got) != 1 || got[0] != folded {
			t.Errorf("%s is kept as %q, want %q: %v", id, got, folded, err)
		}
	}
	enrol := func(id, name string) {
		t.Helper()
		if _, err := s.Enrol(t.Context(), []pipeline.User{{ID: id, Email: "a@example.com", Name: name, Country: pipeline.MX}}, Imported, inviteAt(noon), noon); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]string{
		"a": "María GARCÍA", "b": "ÁÉÍÓÚÜÑ áéíóúüñ", "c": "Ç ç à ö Š", "d": "x", "e": "~ Z", "f": "'; é", "g": "Ann",
	}
	for id, name := range names {
		enrol(id, "Somebody")
		want(id, "somebody")
		enrol(id, name)
		want(id, fold(name))
	}
	want("a", "maria garcia")
	want("c", "Ç ç à ö Š")
	for _, statement := range []string{migratedNames(t), `UPDATE users SET updated_at = 1`} {
		if _, err := s.writes.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for id, name := range names {
		want(id, fold(name))
	}
	if err := s.Erase(t.Context(), "a", Act{"olga", "test"}, noon); err != nil {
		t.Fatal(err)
	}
	want("a", "")
}

// migratedNames is the statement of the migration that folds the names.
func migratedNames(t *testing.T) string {
	t.Helper()
	text, err := migrations.ReadFile("migrations/00009_page.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "UPDATE users SET folded")
	statement, _, ends := strings.Cut(after, ";")
	if !found || !ends {
		t.Fatal("the migration folds no name")
	}
	return "UPDATE users SET folded" + statement
}

func FuzzParsePlace(f *testing.F) {
	f.Add(Place{ByName, "ana", 7}.String())
	f.Add("")
	f.Add("e30")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"o":9,"v":"\u0000","k":-1}`)))
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePlace(s)
		if err != nil {
			if !errors.Is(err, ErrCursor) {
				t.Fatal(err)
			}
			return
		}
		if again, err := parsePlace(p.String()); err != nil || again != p {
			t.Fatalf("%+v became %+v: %v", p, again, err)
		}
	})
}
