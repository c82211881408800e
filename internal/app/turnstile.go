package app

import (
	"context"

	"golang.org/x/time/rate"
)

// turnstile lets mails through at a rate that may change while they wait. One of
// them at a time has a turn of the limiter, for a turn that is given keeps the rate
// of its time, however the rate changes.
type turnstile struct {
	first   chan struct{} // held by the one that has a turn
	limiter *rate.Limiter
}

func newTurnstile(perSecond float64) *turnstile {
	return &turnstile{make(chan struct{}, 1), rate.NewLimiter(rate.Limit(perSecond), 1)}
}

// Wait implements [pipeline.Waiter].
func (t *turnstile) Wait(ctx context.Context) error {
	select {
	case t.first <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.first }()
	return t.limiter.Wait(ctx)
}

func (t *turnstile) setRate(perSecond float64) { t.limiter.SetLimit(rate.Limit(perSecond)) }
