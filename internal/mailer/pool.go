package mailer

import (
	"context"
	"errors"
	"sync"
	"time"

	"alta/pipeline"
)

// lookEvery is how often a sender behind a slow mail looks for another
// connection.
const lookEvery = 5 * time.Second

// mostLooks is after how many of them it leaves though all are in use, and takes
// a place in the queue for the next that is not.
const mostLooks = 12

// solitude is how long nobody goes behind another sender after a server did not
// hear one who had, or who had written his envelope at once.
const solitude = time.Hour

// pool keeps connections between mails, and no more of them than it may have.
// A server may take fewer than that: a sender who is turned away then waits for
// one of the connections that stand. Only when none stands, nor may yet, is
// being turned away an outage.
type pool struct {
	dialer  dialer
	now     pipeline.Clock
	expires time.Duration
	look    time.Duration
	warn    func() // the server takes fewer connections; tells it once
	deaf    func() // the server does not answer what it offers to; tells it once

	mu       sync.Mutex
	closed   bool
	capacity capacity
	waiting  []*waiter     // in the order of their coming
	idle     []*connection // the most recently used last
	ready    []*connection // a sender may go behind the one who waits there; the most recent last
	opening  int           // connections that are dialled
	busy     int           // connections that senders hold
	retiring int           // connections that say goodbye because they are too many
	crowded  bool          // the server answered that it takes no more
	outages  int           // times that a dial failed and no connection stood
	alone    time.Time     // until then nobody goes behind another sender
	plain    time.Time     // until then one command is sent at a time
	muteness muteness      // of the server
	settled  *sync.Cond    // opening or busy has changed

	// expiring counts timers that may still run and goodbyes that are being said,
	// so that close can wait.
	expiring sync.WaitGroup
}

func newPool(cfg Config, d dialer, now pipeline.Clock) *pool {
	p := &pool{
		dialer: d, now: now, expires: cfg.IdleTimeout, look: lookEvery,
		warn: warnOnce(cfg.Warn, "the mail server takes fewer connections than smtp.connections; lower it"),
		deaf: warnOnce(cfg.Warn, "the mail server, or a filter before it, offers PIPELINING and does not answer commands that come together;"+
			" alta sends it one at a time for an hour, again and again, which is slower: switch the extension off there"),
		capacity: newCapacity(cfg.Connections),
	}
	p.settled = sync.NewCond(&p.mu)
	return p
}

// warnOnce returns what gives a warning the first time that it is called.
func warnOnce(warn func(string), message string) func() {
	return sync.OnceFunc(func() {
		if warn != nil {
			warn(message)
		}
	})
}

// get returns a turn on an idle connection, or on a new one, or behind another
// sender if chain allows that. The caller ends it. The end of ctx stops the wait
// at once.
func (p *pool) get(ctx context.Context, chain bool) (turn, error) {
	w := waiter{chain: chain}
	for {
		if err := ctx.Err(); err != nil {
			return turn{}, cancelFault(err)
		}
		g, err := p.wait(ctx, &w)
		switch {
		case err != nil:
			return turn{}, err
		case g.turn.c != nil:
			return g.turn, nil
		}
		t, away, err := p.connect(ctx)
		if t.c != nil || err != nil {
			return t, err
		}
		w.away = away
	}
}

// put hands the connection to the sender behind, or keeps it for the next mail,
// unless it is broken or one too many. The sender behind one too many has to go
// elsewhere: it is closed without a word, because his envelope is out, and an
// envelope alone delivers nothing.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withdraw(c)
	beyond := p.total() > p.capacity.most
	// With a sender behind, what is there to be read may be for that one.
	if !c.broken && (c.spoiled || !c.followed && c.surplus() || c.followed && beyond) {
		c.drop()
	}
	alive := !c.broken
	if c.followed {
		c.followed = false
		c.next <- alive // from here on an alive connection is the other's
		if alive {
			return
		}
	}
	p.busy--
	switch {
	case alive && beyond:
		p.retire(c)
	case alive:
		p.keep(c)
	}
	p.dispatch()
}

// unpipe sends one command at a time for a while.
func (p *pool) unpipe() {
	p.mu.Lock()
	p.plain = p.now().Add(solitude)
	p.mu.Unlock()
	p.deaf()
}

// swallowed notes that nothing of a group was answered.
func (p *pool) swallowed(c *connection) {
	p.mu.Lock()
	mute := p.muteness.swallowed(c.era)
	p.mu.Unlock()
	if mute {
		p.unpipe()
	}
}

// slow notes that the server asked for fewer mails at a time.
func (p *pool) slow(epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.capacity.slow(epoch, p.now())
}

// close waits for the senders and ends the idle connections. Nobody gets a
// connection any more.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.dispatch()
	for p.opening+p.busy > 0 {
		p.settled.Wait()
	}
	var quits sync.WaitGroup
	for c := p.take(); c != nil; c = p.take() {
		quits.Go(c.quit)
	}
	p.mu.Unlock()
	quits.Wait()
	p.expiring.Wait()
}

// turn begins one; the caller holds the lock. The first mail of a connection goes
// a command at a time, so that a server which answers more than it was asked is
// found out where it does, before anything depends on the order of its answers.
func (p *pool) turn(c *connection) turn {
	if !c.followed { // else another sender is on it, by whose choice it stays
		c.pipelining = c.offers && c.carried && !p.now().Before(p.plain)
	}
	return turn{pool: p, c: c, epoch: p.capacity.epoch, kept: c.kept}
}

// connect dials. Neither a turn nor an error means that the server turned us away
// while another connection stands, or may yet, or that fewer may stand by now.
func (p *pool) connect(ctx context.Context) (turn, *turnedAway, error) {
	c, err := p.dial(ctx)
	t, away, err, crowded := p.settle(c, err)
	if crowded {
		p.warn()
	}
	return t, away, err
}

// dial connects. A bug in it does not leave the connection counted for ever.
func (p *pool) dial(ctx context.Context) (c *connection, err error) {
	defer func() {
		if c == nil && err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.opening--
			p.dispatch()
		}
	}()
	return p.dialer.dial(ctx)
}

// settle counts the end of a dial. crowded tells that the server works and
// takes fewer connections than it should.
func (p *pool) settle(c *connection, err error) (_ turn, away *turnedAway, _ error, crowded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.dispatch()
	p.opening--
	if err == nil {
		if p.total() >= p.capacity.most {
			p.retire(c)
			return turn{}, nil, nil, false
		}
		p.busy++
		c.era = p.muteness.era
		return p.turn(c), nil, nil, p.crowded
	}
	f, failed := errors.AsType[failure](err)
	others := p.total() + p.retiring
	switch {
	case !failed || !f.turnedAway():
		return turn{}, nil, err, false
	case others == 0:
		p.outages++
		p.crowded = false
		p.capacity.restore()
		p.giveUp()
		return turn{}, nil, err, false
	}
	if others < p.capacity.most { // else the server takes all that may be
		p.crowded = p.crowded || f.refused()
		p.capacity.shrink(others, p.now())
	}
	return turn{}, &turnedAway{err, p.outages}, nil, p.crowded && others > p.opening
}
