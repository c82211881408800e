package web

import "sync"

// mostCodes bounds the series of alta_faults_total: the mail server chooses two
// numbers of a code such as smtp.5.7.1, and a hostile one a million of them.
const mostCodes = 256

// otherCode stands for every code above the bound.
const otherCode = "other"

// codes are the fault codes that have a series of their own, which the first
// ones get. Its zero value is ready, and safe for concurrent use.
type codes struct {
	mu    sync.Mutex
	known map[string]bool
}

// label returns the code, or otherCode when there are too many.
func (c *codes) label(code string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[code] {
		return code
	}
	if len(c.known) >= mostCodes {
		return otherCode
	}
	if c.known == nil {
		c.known = map[string]bool{}
	}
	c.known[code] = true
	return code
}
