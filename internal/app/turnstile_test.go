package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A rate that is raised, or lowered, holds for those who wait already.
func TestTurnstileFollowsItsRate(t *testing.T) {
	for _, c := range []struct {
		it        string
		from, to  float64
		mails     int
		want, max time.Duration
	}{
		{"raised, the others come at the new rate", 0.1, 10, 11, 10 * time.Second, 12 * time.Second},
		{"lowered, the others come at the new rate", 10, 1, 11, 9 * time.Second, 11 * time.Second},
	} {
		t.Run(c.it, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := newTurnstile(c.from)
				began := time.Now()
				var waiting sync.WaitGroup
				for range c.mails {
					waiting.Go(func() { check(t, turns.Wait(t.Context())) })
				}
				synctest.Wait()
				turns.setRate(c.to)
				waiting.Wait()
				if took := time.Since(began); took < c.want || took > c.max {
					t.Errorf("it took %s, want %s to %s", took, c.want, c.max)
				}
			})
		})
	}
	turns := newTurnstile(0.001)
	check(t, turns.Wait(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turns.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that is given up ends with %v", err)
	}
}
