package capa

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	t.Run("It is open until it is shut.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := gate{now: time.Now}
			if left, err := g.wait(t.Context()); left != 0 || err != nil {
				t.Errorf("%v, %v", left, err)
			}
		})
	})
	t.Run("Everybody waits out a short pause, and the longest of several.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := gate{now: time.Now}
			start := time.Now()
			g.shut(minting, 10*time.Second)
			g.shut(minting, 5*time.Second)
			var waiters sync.WaitGroup
			for range 3 {
				waiters.Go(func() {
					left, err := g.wait(t.Context())
					if took := time.Since(start); left != 0 || err != nil || took != 20*time.Second {
						t.Errorf("%v, %v after %v; want the gate open after 20 s", left, err, took)
					}
				})
			}
			synctest.Wait()
			g.shut(minting, 20*time.Second) // while they wait
			waiters.Wait()
		})
	})
	t.Run("A long pause is reported at once.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := gate{now: time.Now}
			g.shut(minting, 31*time.Second)
			if left, err := g.wait(t.Context()); left != 31*time.Second || err != nil {
				t.Errorf("%v, %v", left, err)
			}
		})
	})
	t.Run("Five pauses in a row are in vain, but not when a call got through between them.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := gate{now: time.Now}
			for _, through := range []bool{true, false} {
				for n := 1; n <= maxPauses; n++ {
					g.shut(minting, time.Second) // of a call that was under way with the next
					if vain := g.shut(minting, time.Second); vain != (n == maxPauses) {
						t.Errorf("pause %d in a row: in vain %v", n, vain)
					}
					if _, err := g.wait(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if through {
					g.passed(minting)
				}
			}
			if !g.shut(minting, time.Second) {
				t.Error("a pause after five in vain is not in vain")
			}
		})
	})
	t.Run("The wait ends with its context.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := gate{now: time.Now}
			g.shut(minting, 30*time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if left, err := g.wait(ctx); left != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v", left, err)
			}
		})
	})
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		sentence, header string
		want             time.Duration
	}{
		{"Seconds.", "7", 7 * time.Second},
		{"Zero is not at once.", "0", time.Second},
		{"An hour at most.", "3601", time.Hour},
		{"A number beyond all bounds.", "99999999999999999999999", time.Hour},
		{"A number whose nanoseconds overflow.", "9223372036854775807", time.Hour},
		{"A date.", now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		{"A date in another form of RFC 9110.", now.Add(90 * time.Second).Format(time.ANSIC), 90 * time.Second},
		{"A date in the past.", now.Add(-time.Hour).Format(http.TimeFormat), time.Second},
		{"A date next year.", now.AddDate(1, 0, 0).Format(http.TimeFormat), time.Hour},
		{"Nothing.", "", time.Minute},
		{"A negative number makes no sense.", "-5", time.Minute},
		{"A fraction makes no sense.", "1.5", time.Minute},
		{"A word makes no sense.", "later", time.Minute},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := parseRetryAfter(test.header, now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, header := range []string{"", "0", "30", "-1", "1e9", "99999999999999999999", "Mon, 02 Mar 2026 12:00:30 GMT", "Monday, 02-Mar-26 12:00:30 GMT"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := parseRetryAfter(header, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
		if got < minPause || got > maxPause {
			t.Errorf("%q is a pause of %v", header, got)
		}
	})
}
