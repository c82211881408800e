package mailer

import (
	"context"
	"slices"
	"time"
)

// waiter is a sender who wants a connection.
type waiter struct {
	chain   bool // also one behind another sender
	away    *turnedAway
	granted chan grant // holds one
}

// grant is what a waiter gets: a turn, an error, or, when it holds neither, the
// right to open a connection.
type grant struct {
	turn turn
	err  error
}

// turnedAway is a refusal that a sender met, and how many outages there had
// been by then.
type turnedAway struct {
	err     error
	outages int
}

// wait returns what there is for the sender as soon as there is something.
func (p *pool) wait(ctx context.Context, w *waiter) (grant, error) {
	p.mu.Lock()
	if len(p.waiting) == 0 || p.closed || p.hopeless(w) {
		if g, some := p.claim(w); some {
			p.mu.Unlock()
			return g, g.err
		}
	}
	w.granted = make(chan grant, 1)
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	// Deferred, so that a bug does not leave a grant to nobody.
	waits := true
	defer func() {
		if waits {
			p.forsake(w)
		}
	}()
	look := time.NewTicker(p.look)
	defer look.Stop()
	for {
		select {
		case g := <-w.granted:
			waits = false
			return g, g.err
		case <-ctx.Done():
			return grant{}, cancelFault(ctx.Err())
		case <-look.C: // the capacity grows with time alone
			p.mu.Lock()
			p.dispatch()
			p.mu.Unlock()
		}
	}
}

// forsake gives back what a waiter was granted, or ends its wait.
func (p *pool) forsake(w *waiter) {
	p.mu.Lock()
	if at := slices.Index(p.waiting, w); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
		p.dispatch() // it may have kept others waiting
		p.mu.Unlock()
		return
	}
	g := <-w.granted
	if g.turn.c == nil && g.err == nil {
		p.opening--
		p.dispatch()
	}
	p.mu.Unlock()
	if g.turn.c != nil {
		g.turn.end()
	}
}

// room is how many more connections may carry mails; it is negative when the
// server takes fewer than it did. The caller holds the lock.
func (p *pool) room() int { return p.capacity.at(p.now()) - p.opening - p.busy }

// hopeless tells whether the server has turned everybody away since it did so to
// this sender. The caller holds the lock.
func (p *pool) hopeless(w *waiter) bool { return w.away != nil && w.away.outages != p.outages }

// claim decides what a sender gets, and counts it; false is nothing yet. One who
// was turned away before gives up when no connection stands any more because the
// server refused all. The caller holds the lock.
func (p *pool) claim(w *waiter) (g grant, some bool) {
	room := p.room()
	switch {
	case p.closed:
		return grant{err: closedFault()}, true
	case len(p.idle) > 0 && room > 0:
		p.busy++
		return grant{turn: p.turn(p.take())}, true
	case p.hopeless(w):
		return grant{err: w.away.err}, true
	case room > p.retiring:
		p.opening++
		return grant{}, true
	case w.chain && len(p.ready) > 0 && room == 0:
		// The most recent one, for one that has waited long may wait longer.
		c := p.ready[len(p.ready)-1]
		p.withdraw(c)
		c.followed = true
		t := p.turn(c)
		t.chained, t.behind = true, true
		return grant{turn: t}, true
	default:
		return grant{}, false
	}
}

// dispatch gives those who wait what there is for them. They are served in the
// order of their coming, so that one who may not go behind another is not
// overtaken for ever by those who may. The caller holds the lock.
func (p *pool) dispatch() {
	p.settled.Broadcast()
	for len(p.waiting) > 0 {
		g, some := p.claim(p.waiting[0])
		if !some {
			return
		}
		p.waiting[0].granted <- g
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}

// giveUp ends the wait of those whom the server turned away, now that it takes
// nobody; the caller holds the lock.
func (p *pool) giveUp() {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if w.away != nil {
			w.granted <- grant{err: w.away.err}
		}
		return w.away != nil
	})
}
