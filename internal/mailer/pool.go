package mailer

import (
	"context"
	"sync"
	"time"

	"alta/pipeline"
)

// pool keeps connections between mails. A slot is held by whoever sends; idle
// connections never outnumber the slots.
type pool struct {
	dialer  dialer
	slots   chan struct{}
	expires time.Duration
	closing chan struct{}
	once    sync.Once

	mu   sync.Mutex
	idle []*connection // the most recently used last

	// expiring counts timers that may still run, so that close can wait.
	expiring sync.WaitGroup
}

func newPool(cfg Config, d dialer) *pool {
	return &pool{
		dialer: d, slots: make(chan struct{}, cfg.Connections), expires: cfg.IdleTimeout,
		closing: make(chan struct{}),
	}
}

// get returns a connection that has just proved to be alive. The caller gives
// it back with put.
func (p *pool) get(ctx context.Context) (*connection, error) {
	if err := p.acquire(ctx); err != nil {
		return nil, err
	}
	if c := p.take(); c != nil {
		release := closeWhenDone(ctx, c.socket)
		alive := c.alive()
		release()
		if alive && ctx.Err() == nil {
			return c, nil
		}
		c.drop()
	}
	c, err := p.dialer.dial(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

// put keeps the connection for the next mail, unless it is broken.
func (p *pool) put(c *connection) {
	defer func() { <-p.slots }()
	if c.broken {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
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
	p.once.Do(func() {
		close(p.closing)
		for range cap(p.slots) {
			p.slots <- struct{}{}
		}
		var quits sync.WaitGroup
		for c := p.take(); c != nil; c = p.take() {
			quits.Go(c.quit)
		}
		quits.Wait()
		p.expiring.Wait()
	})
}

func (p *pool) acquire(ctx context.Context) error {
	select {
	case <-p.closing:
		return closedFault()
	default:
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return cancelFault(ctx.Err())
	case <-p.closing:
		return closedFault()
	}
}

// take removes the most recently used connection, nil if there is none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
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
			return true
		}
	}
	return false
}

func closedFault() *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "smtp.closed",
		Reason: "alta is stopping; the mail is sent by the next run",
	}
}
