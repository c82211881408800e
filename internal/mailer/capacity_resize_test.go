package mailer

import (
	"testing"
	"time"
)

func TestCapacityIsResized(t *testing.T) {
	type step struct {
		resize int // -1 does not
		shrink int // 0 does not
		slow   int // an epoch, counted from 1; 0 does not
		at     time.Duration
		want   int
	}
	for _, c := range []struct {
		sentence string
		steps    []step
	}{
		{"It follows at once while nothing is learnt.", []step{{2, 0, 0, 0, 2}, {16, 0, 0, 0, 16}, {8, 0, 0, 0, 8}}},
		{"Nobody may send at zero, and all may after it.", []step{{0, 0, 0, 0, 0}, {-1, 0, 0, time.Hour, 0}, {8, 0, 0, 0, 8}}},
		{"What the server takes is kept while there may be fewer.", []step{{-1, 5, 0, 0, 5}, {2, 0, 0, 0, 2}, {8, 0, 0, 0, 5}}},
		{"It is kept at zero, too.", []step{{-1, 5, 0, 0, 5}, {0, 0, 0, 0, 0}, {8, 0, 0, 0, 5}}},
		{"It grows from there by one a minute, also beyond what it was.", []step{
			{-1, 5, 0, 0, 5}, {2, 0, 0, 0, 2}, {16, 0, 0, 0, 5},
			{-1, 0, 0, time.Minute, 6}, {-1, 0, 0, time.Minute, 6}, {-1, 0, 0, 2 * time.Minute, 7}, {-1, 0, 0, 3 * time.Minute, 8}, {-1, 0, 0, 4 * time.Minute, 9},
		}},
		{"What it has grown back to under a smaller one is no reason to jump.", []step{
			{-1, 1, 0, 0, 1}, {2, 0, 0, 0, 1}, {-1, 0, 0, time.Minute, 2}, {8, 0, 0, time.Minute, 2}, {-1, 0, 0, 2 * time.Minute, 3},
		}},
		{"When it is whole again nothing is left of it.", []step{
			{-1, 7, 0, 0, 7}, {-1, 0, 0, time.Minute, 8}, {16, 0, 0, time.Minute, 16},
		}},
		{"What the server keeps up with is kept, too.", []step{{-1, 0, 1, 0, 6}, {3, 0, 0, 0, 3}, {8, 0, 0, 0, 6}}},
		{"Both are kept, and the less counts.", []step{{-1, 5, 0, 0, 5}, {-1, 0, 1, 0, 4}, {2, 0, 0, 0, 2}, {8, 0, 0, 0, 4}}},
		{"A complaint about a mail that was begun when more could be is no news.", []step{{4, 0, 0, 0, 4}, {-1, 0, 1, 0, 4}, {-1, 0, 2, 0, 3}, {8, 0, 0, 0, 3}}},
		{"Nor is one that comes at zero.", []step{{0, 0, 0, 0, 0}, {-1, 0, 1, 0, 0}, {8, 0, 0, 0, 8}}},
		{"One about a mail that was begun when fewer could be is.", []step{{16, 0, 0, 0, 16}, {-1, 0, 1, 0, 12}}},
		{"A server that takes all that there may be has told nothing.", []step{{2, 0, 0, 0, 2}, {-1, 5, 0, 0, 2}, {8, 0, 0, 0, 8}}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			capacity := newCapacity(8)
			first := capacity.epoch - 1
			for n, s := range c.steps {
				now := noon().Add(s.at)
				if s.resize >= 0 {
					capacity.resize(s.resize)
				}
				if s.shrink > 0 {
					capacity.shrink(s.shrink, now)
				}
				if s.slow > 0 {
					capacity.slow(first+s.slow, now)
				}
				if got := capacity.at(now); got != s.want {
					t.Errorf("step %d: got %d, want %d", n+1, got, s.want)
				}
			}
		})
	}
	t.Run("An outage forgets what the server takes, within what may be.", func(t *testing.T) {
		capacity := newCapacity(8)
		capacity.shrink(3, noon())
		capacity.resize(6)
		if capacity.restore(); capacity.at(noon()) != 6 {
			t.Errorf("got %d, want 6", capacity.at(noon()))
		}
		if capacity.resize(9); capacity.at(noon()) != 9 {
			t.Errorf("got %d, want 9", capacity.at(noon()))
		}
	})
}
