package capa

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

var errTooLate = errors.New("the wait would exceed the context's deadline")

// pace spaces calls evenly at a rate that may change. It is safe for concurrent
// use.
//
// [rate.Limiter.SetLimit] changes the future alone: whoever has reserved a turn
// waits as long as the old rate demanded, be that a quarter of an hour, and the
// turns count as taken at the new rate. So a change sends everybody who waits
// away to reserve anew, with a fresh limiter that knows of the turns which were
// used and of no others.
type pace struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	last    time.Time     // of the latest turn that was used
	changed chan struct{} // closed when the limiter is replaced
}

func newPace(perSecond float64) *pace {
	return &pace{limiter: newLimiter(perSecond), changed: make(chan struct{})}
}

// newLimiter returns a limiter of perSecond calls; anything but a positive
// number is unlimited.
func newLimiter(perSecond float64) *rate.Limiter {
	limit := rate.Inf
	if perSecond > 0 {
		limit = min(limit, rate.Limit(perSecond))
	}
	return rate.NewLimiter(limit, 1)
}

// set changes the rate and sends away whoever waits, also when it is the same.
func (p *pace) set(perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter = newLimiter(perSecond)
	if !p.last.IsZero() {
		p.limiter.AllowN(p.last, 1)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait waits for a turn; granted is false when the rate was set meanwhile, and
// the caller must come again. The error is the context's, or that its deadline is
// too soon, which is told at once.
func (p *pace) wait(ctx context.Context) (granted bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	limiter, changed, turn, at := p.reserve()
	delay := time.Until(at)
	if delay <= 0 {
		return p.use(limiter, at), nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
		turn.Cancel()
		return false, errTooLate
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return p.use(limiter, at), nil
	case <-changed:
		return false, nil
	case <-ctx.Done():
		turn.Cancel()
		return false, ctx.Err()
	}
}

// reserve takes the next turn of the limiter, which comes at a time.
func (p *pace) reserve() (l *rate.Limiter, changed chan struct{}, turn *rate.Reservation, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	turn = p.limiter.ReserveN(now, 1)
	return p.limiter, p.changed, turn, now.Add(turn.DelayFrom(now))
}

// use notes that a turn is used, unless the limiter that gave it was replaced.
func (p *pace) use(l *rate.Limiter, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l != p.limiter {
		return false
	}
	if at.After(p.last) {
		p.last = at
	}
	return true
}
