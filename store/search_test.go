package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
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
	if pages < 3 || pages > 5 {
		t.Errorf("%d pages, of which none looks at more than %d users", pages, manyLookedAt)
	}
}

// The letters that lose their accent are the same in Go and in the index.
func TestANameIsFoldedAsTheIndexFoldsIt(t *testing.T) {
	s := openAt(t, newPath(t))
	for i, name := range []string{"María GARCÍA", "ÁÉÍÓÚÜÑ áéíóúüñ", "Ç ç à ö Š", "x", "", "~ Z", "'; é"} {
		id := fmt.Sprint(i)
		if _, err := s.Enrol(t.Context(), []pipeline.User{{ID: id, Email: "a@example.com", Name: name, Country: pipeline.MX}}, Imported, inviteAt(noon), noon); err != nil {
			t.Fatal(err)
		}
		folded, err := column[string](boundTo(t.Context(), s.reads), `SELECT `+searched().Orders[ByName].Value+` FROM users u WHERE u.id = ?`, id)
		if err != nil || len(folded) != 1 || folded[0] != fold(name) {
			t.Errorf("%q is %q in the index, and %q in Go: %v", name, folded, fold(name), err)
		}
	}
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
