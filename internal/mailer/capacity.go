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
	most  int // that is configured, or was set since; 0 lets nobody send
	crowd limit
	pace  limit
	// epoch counts how often the pace was lowered. Mails that were under way
	// then meet the same complaint, which must not lower it once more for each.
	epoch int
}

func newCapacity(configured int) capacity {
	all := limit{most: configured, current: configured, whole: configured}
	return capacity{most: configured, crowd: all, pace: all}
}

// resize sets the most. Complaints about mails that were begun when more could
// be say nothing about how many are too many now, so a smaller one begins an
// epoch.
func (c *capacity) resize(most int) {
	if most < min(c.most, c.crowd.current, c.pace.current) {
		c.epoch++
	}
	c.most = most
	c.crowd.resize(most)
	c.pace.resize(most)
}

// at returns the capacity at now.
func (c *capacity) at(now time.Time) int { return min(c.crowd.at(now), c.pace.at(now)) }

// shrink notes that the server took no more than open connections.
func (c *capacity) shrink(open int, now time.Time) { c.crowd.lower(open, now) }

// restore forgets that the server turned connections away. What it said about
// mails stays: an outage does not make it faster.
func (c *capacity) restore() { c.crowd.current, c.crowd.whole = c.crowd.most, c.crowd.most }

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

// limit is a number of connections, at least 1 unless its most is 0. It grows
// back one by one, so that a server which never takes more turns us away about
// once a minute.
type limit struct {
	most int // that there may be
	// current is what the server takes as far as is known. It is kept when there
	// may be fewer for a while, so it can exceed most.
	current int
	// whole is where nothing is left of what was learnt: the largest most since
	// then.
	whole   int
	growsAt time.Time
}

func (l *limit) at(now time.Time) int {
	if l.current < l.most && !now.Before(l.growsAt) {
		l.current++
		l.growsAt = now.Add(growth)
	}
	return min(l.current, l.most)
}

func (l *limit) lower(to int, now time.Time) {
	l.current = max(1, min(to, l.current))
	l.growsAt = now.Add(growth)
}

// resize sets the most. A limit that was not lowered, or has grown back, follows
// at once; any other keeps to what was learnt, and grows from there.
func (l *limit) resize(most int) {
	if l.current >= l.whole {
		l.current, l.whole = most, most
	}
	l.most, l.whole = most, max(l.whole, most)
}
