package mailer

// SetConnections replaces Config.Connections from now on. It is safe for
// concurrent use, while mails are under way and after Close too, and the same
// number again changes nothing.
//
// A mail that has its connection when n becomes less ends as it would. No other
// begins while n or more connections are in use. Those beyond n say goodbye: idle
// ones at once, one in use when its mail has ended, and one that is being opened
// as soon as it stands. A sender who is behind another on such a connection joins
// those who wait, and his begin is called again when he has another one. With 0,
// or less, nobody sends, and Send and SendTest wait until n is more, their ctx
// ends or the mailer is closed. Check is not counted.
//
// When n becomes more, those who wait for a connection get going at once, but for
// a connection that still says goodbye, which keeps its place for 5 s at most.
// What was learnt of the server, how many connections it takes and how many mails
// it keeps up with, is kept, within n.
func (m *Mailer) SetConnections(n int) { m.pool.resize(max(0, n)) }

// resize sets the most connections.
func (p *pool) resize(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most == p.capacity.most {
		return
	}
	p.capacity.resize(most)
	for len(p.idle) > 0 && p.total() > most {
		p.retire(p.takeAt(0)) // the oldest is what the server is likeliest to close by itself
	}
	p.dispatch()
}

// total counts the connections that carry mails, may, or will once they are
// dialled. While it exceeds the capacity's most, which it does after that became
// less alone, none is idle. The caller holds the lock.
func (p *pool) total() int { return p.opening + p.busy + len(p.idle) }

// retire ends a connection that is in nobody's hands any more and is one too
// many. Until the goodbye is said no other is dialled in its place, because the
// server still counts it. The caller holds the lock.
func (p *pool) retire(c *connection) {
	p.retiring++
	p.expiring.Go(func() {
		c.quit()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.retiring--
		p.dispatch()
	})
}
