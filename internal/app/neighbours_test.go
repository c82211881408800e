package app

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

func TestNeighboursComeTogether(t *testing.T) {
	for _, c := range []struct {
		it    string
		most  int
		batch int
		ids   string // a letter each
		want  string // each with its place among those of the same id
	}{
		{"Without users nothing comes out.", 3, 2, "", ""},
		{"A list that is one batch keeps its order.", 5, 4, "dbca", "d1 b1 c1 a1"},
		{"A list that is at hand as a whole is put in order.", 5, 2, "dbca", "a1 b1 c1 d1"},
		{"The first of those at hand makes room for the next one.", 2, 1, "bacd", "a1 b1 c1 d1"},
		{"An ascent can be longer than what is at hand.", 2, 1, "badcfe", "a1 b1 c1 d1 e1 f1"},
		{"Who comes too late waits for the next ascent.", 2, 1, "dcbafe", "b1 c1 d1 e1 f1 a1"},
		{"Of those with the same id the later one comes later.", 3, 1, "baabab", "a1 a2 a3 b1 b2 b3"},
		{"The same id that comes too late waits as well.", 2, 1, "abcdaa", "a1 b1 c1 d1 a2 a3"},
		{"One at hand is enough to tell ascents.", 1, 1, "bacab", "a1 b1 c1 a2 b2"},
	} {
		t.Run(c.it, func(t *testing.T) {
			var got []string
			oneAtHand := pack(pipeline.User{ID: "a", Name: "1"}).size()
			n := newNeighbours(c.most*oneAtHand, c.batch, func(u pipeline.User) error { got = append(got, u.ID+u.Name); return nil })
			seen := map[rune]int{}
			for _, id := range c.ids {
				seen[id]++
				check(t, n.add(pipeline.User{ID: string(id), Name: fmt.Sprint(seen[id])}))
			}
			check(t, n.flush())
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("came out, want (-), got (+):\n%s", diff)
			}
		})
	}
}

// Whatever the list is, nobody is lost, no more is at hand than may be, those with
// the same id keep their order, and random ids come in few ascents.
func TestNeighboursOfARandomList(t *testing.T) {
	const users, most = 20_000, 100_000
	random := rand.New(rand.NewPCG(1, 2))
	out, octets, largest, ascents, previous := 0, 0, 0, 1, ""
	latest := map[string]int{}
	n := newNeighbours(most, 1, func(u pipeline.User) error {
		out++
		octets -= pack(u).size()
		if u.ID < previous {
			ascents++
		}
		previous = u.ID
		place := len(u.Name)
		if place <= latest[u.ID] {
			t.Fatalf("record %d of %s came after record %d", place, u.ID, latest[u.ID])
		}
		latest[u.ID] = place
		return nil
	})
	records := map[string]int{}
	for range users {
		id := fmt.Sprint(random.IntN(users / 2))
		records[id]++
		u := pipeline.User{ID: id, Name: strings.Repeat("n", records[id]), Email: strings.Repeat("e", random.IntN(60))}
		octets, largest = octets+pack(u).size(), max(largest, pack(u).size())
		check(t, n.add(u))
		if octets > most {
			t.Fatalf("%d octets are at hand, want %d at most", octets, most)
		}
	}
	check(t, n.flush())
	if out != users {
		t.Errorf("%d users came out of %d", out, users)
	}
	if want := users/(most/largest) + 1; ascents > want {
		t.Errorf("%d ascents, want %d at most", ascents, want)
	}
}

// A user at hand loses nothing.
func TestAPackedUserIsTheSame(t *testing.T) {
	for _, u := range []pipeline.User{
		{},
		{ID: "ana"},
		{Status: pipeline.Verified},
		{
			ID: "ana", ExternalID: "cliente #77/ñ", Email: "ana@example.mx", Name: "Ana Peña", Country: pipeline.MX,
			Locale: pipeline.ESMX, TimeZone: "America/Tijuana", Type: pipeline.Business, Status: pipeline.InReview,
		},
	} {
		if diff := cmp.Diff(u, pack(u).unpack()); diff != "" {
			t.Errorf("a user (-) and what was unpacked (+):\n%s", diff)
		}
	}
}

// Who can't be written ends the list, wherever that shows.
func TestNeighboursStopAtAnError(t *testing.T) {
	broken := errors.New("the ledger is gone")
	a := pipeline.User{ID: "a"}
	n := newNeighbours(pack(a).size(), 1, func(pipeline.User) error { return broken })
	check(t, n.add(a))
	if err := n.add(pipeline.User{ID: "b"}); !errors.Is(err, broken) {
		t.Errorf("add returned %v", err)
	}
	if err := n.flush(); !errors.Is(err, broken) {
		t.Errorf("flush returned %v", err)
	}
}
