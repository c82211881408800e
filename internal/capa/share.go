package capa

import "sync"

// share is what this client may take of the limits that several share. Its lock
// makes one change follow the other.
type share struct {
	mu          sync.Mutex
	connections int
	rate        float64
}

// SetShare replaces Config.Connections and Config.Rate from now on. It is safe
// for concurrent use, also while calls are under way, and the same share again
// changes nothing.
//
// connections is the most calls at one time. With 0, or less, no call begins, and
// Issue waits until there is room again or its ctx ends. A call that is under way
// ends as it would; a smaller share is kept from the moment at which enough of
// them have ended. Those that had their turn and still wait for the rate, or for
// a pause that the API asked for, go back to the head of the line. What was
// learnt of the load that the API bears is kept, within the new most, and more
// connections let the client find out about more. [Client.Check] is no part of
// the share.
//
// rate is the most requests per second, evenly spaced; 0, or less, is unlimited.
// Whoever waits for a turn gets a new one at the new rate, counted from the latest
// request that was made.
//
// The limits of an HTTP transport can't change once it is used. So a change of
// connections brings a new transport. The idle connections of the old one are
// closed at once, and the others as the calls on them end, so that for a while
// there may be as many connections more as calls were under way.
func (c *Client) SetShare(connections int, rate float64) {
	c.share.mu.Lock()
	defer c.share.mu.Unlock()
	connections = max(0, connections)
	resized := connections != c.share.connections
	if !resized && rate == c.share.rate {
		return
	}
	c.share.connections, c.share.rate = connections, rate
	if resized {
		c.line.resize(connections, newTransport(c.cfg, connections)).CloseIdleConnections()
	}
	// It comes last: it wakes those who have to give up their turn.
	c.pace.set(rate)
}
