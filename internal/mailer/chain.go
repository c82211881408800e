package mailer

import "slices"

// yield lets the next sender write on a connection whose mail is written. Its
// envelope was answered.
func (p *pool) yield(c *connection) {
	if !c.pipelining {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muteness.heard()
	p.offer(c)
	p.dispatch()
}

// leave ends the turn of a sender behind another; false if its turn has come
// meanwhile. A connection with commands of a sender who is gone is closed once
// the one in front has its answer.
func (p *pool) leave(c *connection, spoke bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.followed {
		return false
	}
	c.followed = false
	if c.spoiled = spoke; !spoke {
		p.offer(c)
		p.dispatch()
	}
	return true
}

// hasRoom tells whether a sender who waits behind another would be better off
// elsewhere: on a connection that is free or, for one who has waited long, on any
// other that may be.
func (p *pool) hasRoom(long bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room() > p.retiring || long && p.capacity.at(p.now()) > 1
}

// unchain lets nobody go behind another sender for a while.
func (p *pool) unchain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alone = p.now().Add(solitude)
	p.ready = nil
}

// offer lets a sender go behind the one who waits there; the caller holds the
// lock.
func (p *pool) offer(c *connection) {
	if p.now().Before(p.alone) {
		return
	}
	c.offered = true
	p.ready = append(p.ready, c)
}

// withdraw ends the offer, if there is one; the caller holds the lock.
func (p *pool) withdraw(c *connection) {
	if !c.offered {
		return
	}
	c.offered = false
	if at := slices.Index(p.ready, c); at >= 0 {
		p.ready = slices.Delete(p.ready, at, at+1)
	}
}
