package mailer

import "time"

// growth is how long the capacity stays before it grows back by one.
const growth = time.Minute

// capacity is how many connections may be open. It starts with what is
// configured, shrinks to what the server takes, and grows back one by one, so
// that a server which never takes more turns us away about once a minute.
type capacity struct {
	configured, current int
	growsAt             time.Time
}

func newCapacity(configured int) capacity {
	return capacity{configured: configured, current: configured}
}

// at returns the capacity at now.
func (c *capacity) at(now time.Time) int {
	if c.current < c.configured && !now.Before(c.growsAt) {
		c.current++
		c.growsAt = now.Add(growth)
	}
	return c.current
}

// shrink notes that the server took no more than open connections.
func (c *capacity) shrink(open int, now time.Time) {
	c.current = max(1, min(open, c.current))
	c.growsAt = now.Add(growth)
}

// restore gives back the whole capacity.
func (c *capacity) restore() { c.current = c.configured }
