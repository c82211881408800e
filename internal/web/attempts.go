package web

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often somebody may try to sign in, or show a token that nobody knows: so many
// at once, and one more after each pause. Programs get more than people, since one
// with a token that was revoked asks again and again.
const (
	attemptsAtOnce    = 10 // of one address
	attemptEvery      = 6 * time.Second
	guessesAtOnce     = 100
	guessEvery        = time.Second
	allAttemptsAtOnce = 100
	anyAttemptEvery   = 200 * time.Millisecond
)

// attempts bounds how often somebody tries to sign in, by address and overall. An
// address that is over its bound costs the others nothing, and only one that gets
// through is remembered: so there are few at any time, whatever anybody does.
type attempts struct {
	atOnce int // of one address
	every  time.Duration

	mu      sync.Mutex
	overall *rate.Limiter
	by      map[netip.Addr]*rate.Limiter
}

func newAttempts(atOnce int, every time.Duration) *attempts {
	return &attempts{
		atOnce: atOnce, every: every,
		overall: rate.NewLimiter(rate.Every(anyAttemptEvery), allAttemptsAtOnce),
		by:      map[netip.Addr]*rate.Limiter{},
	}
}

// allow counts an attempt. wait is 0 when it may be made, and else after how long
// another one may.
func (a *attempts) allow(from netip.Addr, now time.Time) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	own, known := a.by[from]
	if known {
		if wait := untilNext(own, now); wait > 0 {
			return wait
		}
	}
	if wait := untilNext(a.overall, now); wait > 0 {
		return wait
	}
	if !known {
		a.forget(now)
		own = rate.NewLimiter(rate.Every(a.every), a.atOnce)
		a.by[from] = own
	}
	a.overall.AllowN(now, 1)
	own.AllowN(now, 1)
	return 0
}

// spent tells whether the address has no attempt left.
func (a *attempts) spent(from netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	own, known := a.by[from]
	return known && untilNext(own, now) > 0
}

// forget drops the addresses that have all their attempts again.
func (a *attempts) forget(now time.Time) {
	for from, own := range a.by {
		if own.TokensAt(now) >= float64(a.atOnce) {
			delete(a.by, from)
		}
	}
}

// untilNext is how long it takes until the limiter has an attempt.
func untilNext(l *rate.Limiter, now time.Time) time.Duration {
	lacking := 1 - l.TokensAt(now)
	if lacking <= 0 {
		return 0
	}
	return max(time.Duration(lacking/float64(l.Limit())*float64(time.Second)), time.Millisecond)
}

// clientAddr is where the request comes from. behindProxy believes what the proxy in
// front of alta says, which is the last hop of X-Forwarded-For: those before it are
// the client's own word. Of an IPv6 address the network counts, since one client has
// all of it.
func clientAddr(r *http.Request, behindProxy bool) netip.Addr {
	addr := netip.Addr{}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		addr = peer.Addr()
	}
	if hops := r.Header.Values("X-Forwarded-For"); behindProxy && len(hops) > 0 {
		last := hops[len(hops)-1]
		last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		if hop, err := netip.ParseAddr(last); err == nil {
			addr = hop
		} else if hop, err := netip.ParseAddrPort(last); err == nil {
			addr = hop.Addr()
		}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails for an address of fewer bits, which IPv6 has none of
		addr = network.Addr()
	}
	return addr
}
