package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Clock tells the database's time between two looks at it, by adding what this
// machine's monotonic clock says has gone by. What the machine's wall clock says, and
// how it steps, plays no part.
type Clock struct {
	store *Store
	at    atomic.Pointer[reading]
	local func() time.Time // with a monotonic reading
}

// reading is the database's time at a local one.
type reading struct{ database, local time.Time }

// NewClock reads the database's clock for the first time. local must return
// times with a monotonic reading, as [time.Now] does.
func (s *Store) NewClock(ctx context.Context, local func() time.Time) (*Clock, error) {
	c := &Clock{store: s, local: local}
	if err := c.Read(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Now is the database's time, to the accuracy of half a round trip.
func (c *Clock) Now() time.Time {
	r := c.at.Load()
	return r.database.Add(c.local().Sub(r.local)).Round(0)
}

// Monotonic is Now with a monotonic reading, for timers that are set by the
// difference of two of them.
func (c *Clock) Monotonic() time.Time {
	r := c.at.Load()
	return r.local.Add(r.database.Sub(r.local.Round(0)) + c.local().Sub(r.local))
}

// Skew is how far this machine's wall clock was ahead of the database's at the latest
// look.
func (c *Clock) Skew() time.Duration {
	r := c.at.Load()
	return r.local.Round(0).Sub(r.database)
}

// Read looks at the database's clock again. It is accurate to half of
// the time that the look takes.
func (c *Clock) Read(ctx context.Context) error {
	before := c.local()
	var now time.Time
	if err := c.store.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	after := c.local()
	c.at.Store(&reading{database: now.UTC().Add(after.Sub(before) / 2), local: after})
	return nil
}
