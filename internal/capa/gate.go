package capa

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"alta/pipeline"
)

const (
	defaultPause = 60 * time.Second // for a 429 without Retry-After
	minPause     = time.Second
	maxPause     = time.Hour
	maxWait      = 30 * time.Second // a longer pause is an outage
	maxPauses    = 5                // so many in a row are an outage too
)

// gate stops all calls while the partner API asks for a pause. It is safe for
// concurrent use.
type gate struct {
	now    pipeline.Clock
	mu     sync.Mutex
	until  time.Time
	pauses [callKinds]int // in a row, with no call of the kind let through between them
}

// shut closes the gate for pause, counted from now; a shorter pause never
// shortens a longer one. vain tells that each of the last maxPauses was waited
// out and the next call refused all the same: without an end to that, a run
// would wait and ask for as long as the API refuses. Refusals of calls that
// were under way together are one pause.
func (g *gate) shut(kind callKind, pause time.Duration) (vain bool) {
	now := g.now()
	until := now.Add(pause)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.until.After(now) {
		g.pauses[kind]++
	}
	if until.After(g.until) {
		g.until = until
	}
	return g.pauses[kind] >= maxPauses
}

// passed notes that the API let a call through, whatever it answered.
func (g *gate) passed(kind callKind) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pauses[kind] = 0
}

// left returns how long the gate stays closed.
func (g *gate) left() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until.Sub(g.now()))
}

// wait returns 0 as soon as the gate is open, and at once the time that is
// left if that is more than maxWait. Its error is the context's.
func (g *gate) wait(ctx context.Context) (left time.Duration, err error) {
	for {
		left := g.left()
		if left == 0 || left > maxWait {
			return left, ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return left, ctx.Err()
		case <-timer.C:
		}
	}
}

// parseRetryAfter reads the header of RFC 9110 section 10.2.3: seconds, or an
// HTTP date. The result lies between 1 s and 1 h; a header that is absent or
// makes no sense means 60 s.
func parseRetryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return defaultPause
	}
	seconds, err := strconv.ParseUint(header, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		// Cut before the multiplication, which could overflow.
		seconds = min(seconds, uint64(maxPause/time.Second))
		return max(minPause, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(maxPause, max(minPause, date.Sub(now)))
	}
	return defaultPause
}
