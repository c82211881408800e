package api

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter bounds how many requests each token makes: so many a minute, and as many
// at once.
type limiter struct {
	perMinute int
	mu        sync.Mutex
	by        map[string]*rate.Limiter // by the name of the token; names are few
}

func newLimiter(perMinute int) *limiter {
	return &limiter{perMinute: perMinute, by: map[string]*rate.Limiter{}}
}

// allow counts a request, and says in the header what is left (as
// draft-ietf-httpapi-ratelimit-headers-10 has it). wait is 0 when the request may be
// made, and else after how long one may.
func (l *limiter) allow(h http.Header, token string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.by[token]
	if own == nil {
		own = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		l.by[token] = own
	}
	perSecond := float64(own.Limit())
	if !own.AllowN(now, 1) {
		wait = time.Duration((1 - own.TokensAt(now)) / perSecond * float64(time.Second))
		wait = max(wait, time.Second)
	}
	left := max(own.TokensAt(now), 0)
	full := math.Ceil((float64(l.perMinute) - left) / perSecond)
	h.Set("RateLimit-Policy", fmt.Sprintf(`"token";q=%d;w=60`, l.perMinute))
	h.Set("RateLimit", fmt.Sprintf(`"token";r=%d;t=%d`, int(left), int(full)))
	return wait
}
