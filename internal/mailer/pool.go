package mailer

import (
	"context"
	"errors"
	"sync"
	"time"

	"alta/pipeline"
)

// pool keeps connections between mails, and no more of them than it may have.
// A server may take fewer than that: a sender who is turned away then waits for
// one of the connections that stand. Only when none stands, nor may yet, is
// being turned away an outage.
type pool struct {
	dialer  dialer
	now     pipeline.Clock
	expires time.Duration
	warn    func() // the server takes fewer connections; tells it once

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when what follows changes
	closed   bool
	capacity capacity
	idle     []*connection // the most recently used last
	opening  int           // connections that are dialled or tested
	busy     int           // connections that senders hold
	crowded  bool          // the server answered that it takes no more
	outages  int           // times that a dial failed and no connection stood

	// expiring counts timers that may still run, so that close can wait.
	expiring sync.WaitGroup
}

// turnedAway is a refusal that a sender met, and how many outages there had
// been by then.
type turnedAway struct {
	err     error
	outages int
}

func newPool(cfg Config, d dialer, now pipeline.Clock) *pool {
	return &pool{
		dialer: d, now: now, expires: cfg.IdleTimeout,
		warn: sync.OnceFunc(func() {
			if cfg.Warn != nil {
				cfg.Warn("the mail server takes fewer connections than smtp.connections; lower it")
			}
		}),
		changed: make(chan struct{}), capacity: newCapacity(cfg.Connections),
	}
}

// get returns a connection that has just proved to be alive. The caller gives
// it back with put. The end of ctx stops it at once.
func (p *pool) get(ctx context.Context) (*connection, error) {
	var away *turnedAway
	for {
		if err := ctx.Err(); err != nil {
			return nil, cancelFault(err)
		}
		c, wait, err := p.claim(away)
		switch {
		case err != nil:
			return nil, err
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
			}
		case c != nil:
			if p.test(ctx, c) {
				return c, nil
			}
		default:
			if c, away, err = p.open(ctx); c != nil || err != nil {
				return c, err
			}
		}
	}
}

// put keeps the connection for the next mail, unless it is broken.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.notify()
	p.busy--
	if c.broken {
		return
	}
	p.idle = append(p.idle, c)
	p.expiring.Add(1)
	c.expiry = time.AfterFunc(p.expires, func() {
		defer p.expiring.Done()
		if p.remove(c) {
			c.quit()
		}
	})
}

// close waits for the senders and ends the idle connections. Nobody gets a
// connection any more.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.notify()
	for p.opening+p.busy > 0 {
		wait := p.changed
		p.mu.Unlock()
		<-wait
		p.mu.Lock()
	}
	var quits sync.WaitGroup
	for c := p.take(); c != nil; c = p.take() {
		quits.Go(c.quit)
	}
	p.mu.Unlock()
	quits.Wait()
	p.expiring.Wait()
}

// claim decides what a sender does next: test the idle connection it returns,
// wait, or, when it returns nothing, open a connection. The sender counts as
// opening unless it waits. One who was turned away before gives up when no
// connection stands any more because the server refused all.
func (p *pool) claim(away *turnedAway) (c *connection, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, nil, closedFault()
	case len(p.idle) > 0:
		p.opening++
		return p.take(), nil, nil
	case away != nil && away.outages != p.outages:
		return nil, nil, away.err
	case p.opening+p.busy >= p.capacity.at(p.now()):
		return nil, p.changed, nil
	default:
		p.opening++
		return nil, nil, nil
	}
}

// test tells whether a connection that was idle is alive; if not, it is gone.
func (p *pool) test(ctx context.Context, c *connection) (alive bool) {
	// Deferred, so that a bug does not leave the connection counted for ever.
	defer func() {
		if !alive {
			c.drop()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.opening--
		if alive {
			p.busy++
		} else {
			p.notify()
		}
	}()
	release := closeWhenDone(ctx, c.socket)
	answers := c.alive()
	release()
	return answers && ctx.Err() == nil
}

// open dials. Neither a connection nor an error means that the server turned
// us away while another connection stands, or may yet.
func (p *pool) open(ctx context.Context) (*connection, *turnedAway, error) {
	c, err := p.dial(ctx)
	c, away, err, crowded := p.settle(c, err)
	if crowded {
		p.warn()
	}
	return c, away, err
}

// dial connects. A bug in it does not leave the connection counted for ever.
func (p *pool) dial(ctx context.Context) (c *connection, err error) {
	defer func() {
		if c == nil && err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.opening--
			p.notify()
		}
	}()
	return p.dialer.dial(ctx)
}

// settle counts the end of a dial. crowded tells that the server works and
// takes fewer connections than it should.
func (p *pool) settle(c *connection, err error) (_ *connection, away *turnedAway, _ error, crowded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.notify()
	p.opening--
	if err == nil {
		p.busy++
		return c, nil, nil, p.crowded
	}
	f, failed := errors.AsType[failure](err)
	others := p.opening + p.busy + len(p.idle)
	switch {
	case !failed || !f.turnedAway():
		return nil, nil, err, false
	case others == 0:
		p.outages++
		p.crowded = false
		p.capacity.restore()
		return nil, nil, err, false
	}
	p.crowded = p.crowded || f.refused()
	p.capacity.shrink(others, p.now())
	return nil, &turnedAway{err, p.outages}, nil, p.crowded && others > p.opening
}

// take removes the most recently used connection, nil if there is none. The
// caller holds the lock.
func (p *pool) take() *connection {
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	if c.expiry.Stop() {
		p.expiring.Done()
	}
	return c
}

// remove takes a connection whose time has come; false if it is in use again.
func (p *pool) remove(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, idle := range p.idle {
		if idle == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.notify()
			return true
		}
	}
	return false
}

// notify wakes those who wait, to look again. The caller holds the lock.
func (p *pool) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}
