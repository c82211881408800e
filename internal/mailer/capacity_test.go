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

func TestCapacityFollowsWhatTheServerKeepsUpWith(t *testing.T) {
	c := newCapacity(16)
	first := c.epoch
	steps := []struct {
		sentence string
		epoch    int // of a complaint, counted from the first; -1 is none
		at       time.Duration
		want     int
	}{
		{"It starts with what is configured.", -1, 0, 16},
		{"A complaint costs a quarter.", 0, 0, 12},
		{"Mails that were under way then cost nothing more.", 0, time.Second, 12},
		{"One that was begun since does.", 1, 2 * time.Second, 9},
		{"A quarter is never less than one.", 2, 3 * time.Second, 7},
		{"It grows by one a minute after the last of them.", -1, 63 * time.Second, 8},
		{"And no faster.", -1, 64 * time.Second, 8},
		{"A complaint counts from where it stands.", 3, 65 * time.Second, 6},
		{"Once more.", 4, 65 * time.Second, 5},
		{"Once more.", 5, 65 * time.Second, 4},
		{"Once more.", 6, 65 * time.Second, 3},
		{"Once more.", 7, 65 * time.Second, 2},
		{"Once more.", 8, 65 * time.Second, 1},
		{"One mail at a time may always go.", 9, 65 * time.Second, 1},
	}
	for _, s := range steps {
		now := noon().Add(s.at)
		if s.epoch >= 0 {
			c.slow(first+s.epoch, now)
		}
		if got := c.at(now); got != s.want {
			t.Errorf("%s Got %d, want %d.", s.sentence, got, s.want)
		}
	}
	c.restore()
	if got := c.at(noon()); got != 1 {
		t.Errorf("an outage made it %d", got)
	}
	c.shrink(12, noon())
	if c.slow(c.epoch, noon()); c.crowd.current != 12 {
		t.Errorf("a complaint about mails changed how many connections the server takes: %d", c.crowd.current)
	}
}
