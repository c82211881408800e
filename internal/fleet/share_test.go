package fleet

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSharesAddUp(t *testing.T) {
	for _, c := range []struct {
		it       string
		total    int
		machines int
		want     []int
	}{
		{"one machine has all", 8, 1, []int{8}},
		{"what does not divide goes to the first", 8, 3, []int{3, 3, 2}},
		{"as many machines as connections", 3, 3, []int{1, 1, 1}},
		{"more machines than connections: the last have none", 2, 4, []int{1, 1, 0, 0}},
	} {
		t.Run(c.it, func(t *testing.T) {
			for i, want := range c.want {
				if got := (Share{i, c.machines}).Connections(c.total); got != want {
					t.Errorf("machine %d has %d of %d, want %d", i, got, c.total, want)
				}
			}
		})
	}
	if got := (Share{}).Connections(8); got != 0 {
		t.Errorf("a machine that has no share has %d connections", got)
	}
	if got := (Share{0, 4}).Rate(10); got != 2.5 {
		t.Errorf("a quarter of 10 a second is %g", got)
	}
	if got := (Share{0, 4}).Among(2).Rate(10); got != 5 {
		t.Errorf("of four machines with two connections each sender has %g of 10 a second, want 5", got)
	}
	if got := (Share{0, 4}).Rate(0); got != 0 {
		t.Errorf("a share of no limit is %g", got)
	}
}

// Machines come, go, and beat when they like, each with its own look at who lives:
// at no time do they use more than all of it, as long as each beats in time.
func TestDivisionNeverUsesMoreThanAll(t *testing.T) {
	const beat, total = 2 * time.Second, 12
	rapid.Check(t, func(t *rapid.T) {
		type member struct {
			id       int
			division division
			share    Share
			next     time.Time
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var fleet []*member
		seen := map[int]time.Time{} // when each beat last, as the ledger has it
		ids := 0
		look := func(m *member) {
			seen[m.id] = now
			s := Share{}
			for id := 1; id <= ids; id++ {
				if at, there := seen[id]; there && now.Sub(at) < missedBeats*beat {
					if id == m.id {
						s.Machine = s.Machines
					}
					s.Machines++
				}
			}
			m.share = m.division.update(s, now)
			m.next = now.Add(beat)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
			for _, m := range fleet {
				if !m.next.After(now) {
					look(m)
				}
			}
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				ids++
				m := &member{id: ids, division: division{wait: 2 * beat}}
				fleet = append(fleet, m)
				look(m)
			case 1:
				if len(fleet) > 0 { // killed
					i := rapid.IntRange(0, len(fleet)-1).Draw(t, "who")
					fleet = append(fleet[:i], fleet[i+1:]...)
				}
			case 2:
				if len(fleet) > 0 { // it leaves in good order
					i := rapid.IntRange(0, len(fleet)-1).Draw(t, "who")
					delete(seen, fleet[i].id)
					fleet = append(fleet[:i], fleet[i+1:]...)
				}
			}
			used := 0
			for _, m := range fleet {
				used += m.share.Connections(total)
			}
			if used > total {
				t.Fatalf("%d connections of %d are in use by %d machines", used, total, len(fleet))
			}
		}
	})
}

func TestDivisionOverTime(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const wait = 4 * time.Second
	type look struct {
		after  time.Duration
		wanted Share
		want   Share
	}
	for _, c := range []struct {
		it    string
		looks []look
	}{
		{"the first machine takes all at once", []look{{0, Share{0, 1}, Share{0, 1}}}},
		{"one that joins others waits for them to give up theirs", []look{
			{0, Share{1, 2}, Share{}}, {2 * time.Second, Share{1, 2}, Share{}}, {wait, Share{1, 2}, Share{1, 2}},
		}},
		{"less is taken at once", []look{{0, Share{0, 1}, Share{0, 1}}, {time.Second, Share{0, 2}, Share{0, 2}}}},
		{"more is taken once the others have had time", []look{
			{0, Share{0, 1}, Share{0, 1}}, {time.Second, Share{0, 2}, Share{0, 2}},
			{10 * time.Second, Share{0, 1}, Share{0, 2}}, {10*time.Second + wait, Share{0, 1}, Share{0, 1}},
		}},
		{"whoever comes meanwhile starts the wait anew", []look{
			{0, Share{1, 2}, Share{}}, {3 * time.Second, Share{1, 3}, Share{}}, {5 * time.Second, Share{1, 3}, Share{}}, {7 * time.Second, Share{1, 3}, Share{1, 3}},
		}},
	} {
		t.Run(c.it, func(t *testing.T) {
			d := division{wait: wait}
			for _, l := range c.looks {
				if got := d.update(l.wanted, start.Add(l.after)); got != l.want {
					t.Errorf("after %s it has %+v, want %+v", l.after, got, l.want)
				}
			}
			if got := d.none(); got != (Share{}) {
				t.Errorf("given up, it has %+v", got)
			}
		})
	}
}
