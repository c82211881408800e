package mailer

import (
	"slices"
	"time"
)

// keep makes the connection idle, for a while; the caller holds the lock.
func (p *pool) keep(c *connection) {
	c.kept = true
	p.idle = append(p.idle, c)
	p.expiring.Add(1)
	c.expiry = time.AfterFunc(p.expires, func() {
		defer p.expiring.Done()
		if p.remove(c) {
			c.quit()
		}
	})
}

// take removes the most recently used connection, nil if there is none. The
// caller holds the lock.
func (p *pool) take() *connection {
	if len(p.idle) == 0 {
		return nil
	}
	return p.takeAt(len(p.idle) - 1)
}

// takeAt removes one of the idle connections. The caller holds the lock.
func (p *pool) takeAt(at int) *connection {
	c := p.idle[at]
	p.idle = slices.Delete(p.idle, at, at+1)
	if c.expiry.Stop() {
		p.expiring.Done()
	}
	return c
}

// remove takes a connection whose time has come; false if it is in use again.
func (p *pool) remove(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.idle, c)
	if at < 0 {
		return false
	}
	p.idle = slices.Delete(p.idle, at, at+1)
	return true
}
