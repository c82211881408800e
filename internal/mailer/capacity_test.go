package mailer

import (
	"testing"
	"time"
)

func TestCapacityShrinksAndGrowsBackByOneAMinute(t *testing.T) {
	c := newCapacity(8)
	steps := []struct {
		sentence string
		shrink   int // 0 does not
		at       time.Duration
		want     int
	}{
		{"It starts with what is configured.", 0, 0, 8},
		{"It shrinks to what stands.", 6, 0, 6},
		{"It shrinks further.", 5, 0, 5},
		{"It does not grow by being turned away.", 7, 0, 5},
		{"It stays for a while.", 0, 59 * time.Second, 5},
		{"It grows by one.", 0, time.Minute, 6},
		{"It grows once a minute.", 0, 119 * time.Second, 6},
		{"It grows again.", 0, 2 * time.Minute, 7},
		{"It is the whole again.", 0, 3 * time.Minute, 8},
		{"It never exceeds what is configured.", 0, time.Hour, 8},
		{"One connection always may be tried.", -1, time.Hour, 1},
	}
	for _, s := range steps {
		now := noon().Add(s.at)
		if s.shrink != 0 {
			c.shrink(s.shrink, now)
		}
		if got := c.at(now); got != s.want {
			t.Errorf("%s Got %d, want %d.", s.sentence, got, s.want)
		}
	}
	c.restore()
	if got := c.at(noon()); got != 8 {
		t.Errorf("restored to %d", got)
	}
}
