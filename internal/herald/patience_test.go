package herald

import (
	"testing"
	"time"
)

func TestWaitAfter(t *testing.T) {
	for _, c := range []struct {
		sentence string
		tries    int
		luck     float64
		asked    time.Duration
		want     time.Duration
		again    bool
	}{
		{"the second try comes after seconds", 1, 0.5, 0, 5 * time.Second, true},
		{"luck brings it forward", 1, 0, 0, 4500 * time.Millisecond, true},
		{"or puts it off", 1, 1, 0, 5500 * time.Millisecond, true},
		{"a receiver may ask for more time", 1, 0.5, time.Minute, time.Minute, true},
		{"and not for less", 3, 0.5, time.Second, 2 * time.Minute, true},
		{"and not for ever", 1, 0.5, 1000 * time.Hour, longestWait, true},
		{"the waits grow to eight hours", 9, 0.5, 0, 8 * time.Hour, true},
		{"after the last there is none", 17, 0.5, 0, 0, false},
		{"before the first there is none", 0, 0.5, 0, 0, false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if wait, again := waitAfter(c.tries, c.luck, c.asked); wait != c.want || again != c.again {
				t.Errorf("got %s %v, want %s %v", wait, again, c.want, c.again)
			}
		})
	}
}

// A receiver that breaks on a Friday evening has the weekend.
func TestTheWaitsAreThreeDays(t *testing.T) {
	sum := time.Duration(0)
	for _, w := range waits() {
		sum += w
	}
	if sum < 70*time.Hour || sum > 76*time.Hour {
		t.Errorf("an event is told for %s", sum)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"120", "-1", "Sun, 06 Nov 1994 08:49:37 GMT", "99999999999999999999", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if after := retryAfter(value, time.Unix(0, 0)); after < 0 {
			t.Errorf("%q asks for %s", value, after)
		}
	})
}
