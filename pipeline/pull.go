package pipeline

import (
	"context"
	"time"
)

// Puller claims deliveries that are due.
type Puller interface {
	// Pull claims up to n deliveries that are due at now, the operator's
	// first, and commits the claim. While a [Pause] is in force it yields at
	// most one delivery of what is paused, as a probe, and each time another
	// one if it can: the trouble of a single user must not keep a pause alive.
	Pull(ctx context.Context, now time.Time, n int) (Batch, error)
}

// Batch is what one pull claimed.
type Batch struct {
	Deliveries []Delivery
	Pauses     []Pause // in force at the time of the pull
	Probe      bool    // the batch holds a probe: its result decides what follows
}

// Pause stops all deliveries, or those to one type of user in one country,
// until a probe gets through. The deliveries stay due and nobody pays an
// attempt.
type Pause struct {
	Country Country  // "" pauses everything: an outage
	Type    UserType // "" with an outage
	Code    string
	Reason  string
	Minting bool // it was met while a link was minted: only a mint disproves it
	Since   time.Time
	ProbeAt time.Time // not before then is one delivery tried
}

// IsOutage tells whether the pause is for everybody.
func (p Pause) IsOutage() bool { return p.Country == "" }

// LongestPause is the furthest ahead that a pause is probed. The partner's own
// are an hour at most; the minute is for the clock, which may be set back a
// little.
const LongestPause = probeEvery + time.Minute

// Ripe tells whether the pause may be probed. One that would last longer than
// any may was met while the clock was ahead.
func (p Pause) Ripe(now time.Time) bool {
	return !p.ProbeAt.After(now) || p.ProbeAt.After(now.Add(LongestPause))
}
