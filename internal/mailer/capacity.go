package mailer

import "time"

// growth is how long a limit stays before it grows back by one.
const growth = time.Minute

// share is the part of the connections that is given up when the server asks
// for fewer mails: one in so many, and at least one.
const share = 4

// capacity is how many connections may carry mails at a time. Two things lower
// it, apart from each other: how many connections the server takes, and how many
// mails at a time it keeps up with.
type capacity struct {
	crowd limit
	pace  limit
	// epoch counts how often the pace was lowered. Mails that were under way
	// then meet the same complaint, which must not lower it once more for each.
	epoch int
}

func newCapacity(configured int) capacity {
	all := limit{most: configured, current: configured}
	return capacity{crowd: all, pace: all}
}

// at returns the capacity at now.
func (c *capacity) at(now time.Time) int { return min(c.crowd.at(now), c.pace.at(now)) }

// shrink notes that the server took no more than open connections.
func (c *capacity) shrink(open int, now time.Time) { c.crowd.lower(open, now) }

// restore forgets that the server turned connections away. What it said about
// mails stays: an outage does not make it faster.
func (c *capacity) restore() { c.crowd.current = c.crowd.most }

// slow notes that the server asked, at a mail that was begun in the epoch, for
// fewer of them.
func (c *capacity) slow(epoch int, now time.Time) {
	if epoch != c.epoch {
		return
	}
	c.epoch++
	current := c.at(now)
	c.pace.lower(current-max(1, current/share), now)
}

// limit is a number of connections, at least 1. It grows back one by one, so
// that a server which never takes more turns us away about once a minute.
type limit struct {
	most, current int
	growsAt       time.Time
}

func (l *limit) at(now time.Time) int {
	if l.current < l.most && !now.Before(l.growsAt) {
		l.current++
		l.growsAt = now.Add(growth)
	}
	return l.current
}

func (l *limit) lower(to int, now time.Time) {
	l.current = max(1, min(to, l.current))
	l.growsAt = now.Add(growth)
}
