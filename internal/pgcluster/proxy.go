package pgcluster

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy forwards the connections to an address, and can do to them what a network
// does when it fails. All methods may be called at any time from several
// goroutines.
type Proxy struct {
	target string
	addr   string
	gate   *gate
	delay  atomic.Int64 // a time.Duration
	links  sync.WaitGroup

	change   sync.Mutex   // held by what changes the state
	listener net.Listener // nil while connections are refused
	loop     sync.WaitGroup
	closed   bool

	mu   sync.Mutex
	open map[*link]struct{}
}

// NewProxy makes a proxy in front of the target, a host and a port, which takes
// connections at once. Whoever makes it closes it.
func NewProxy(target string) (*Proxy, error) {
	listener, err := listen()
	if err != nil {
		return nil, fmt.Errorf("make a proxy: %w", err)
	}
	p := &Proxy{target: target, addr: listener.Addr().String(), gate: newGate(), open: map[*link]struct{}{}}
	p.serve(listener)
	return p, nil
}

// Addr returns the host and the port on which the proxy listens. It stays the same.
func (p *Proxy) Addr() string { return p.addr }

// URL returns the URL with which a user connects to a database through the proxy.
func (p *Proxy) URL(user, database string) string { return dsn(user, p.addr, database) }

// Cut resets all connections at once, with what is still under way in them, and
// has new ones refused. When it returns, the proxy holds no connection any more.
func (p *Proxy) Cut() {
	p.change.Lock()
	defer p.change.Unlock()
	p.cut()
}

// Blackhole keeps the connections and forwards nothing in them, neither bytes nor
// their end, as if the cable were cut. New connections are taken and kept like
// that. When it returns, no byte passes until Mend.
func (p *Proxy) Blackhole() error {
	p.change.Lock()
	defer p.change.Unlock()
	p.gate.shut(func() { p.each((*link).interruptWrites) })
	if err := p.listenAgain(); err != nil {
		return fmt.Errorf("make the proxy a black hole: %w", err)
	}
	return nil
}

// Slow has everything that comes from now on arrive that much later, in either
// direction. It is a longer way and no narrower one: what is sent in one go
// arrives in one go. A connection that the proxy takes is taken at once.
func (p *Proxy) Slow(delay time.Duration) { p.delay.Store(int64(delay)) }

// Mend undoes Cut, Blackhole and Slow: connections are taken again, and those
// that were frozen go on with all that was sent meanwhile.
func (p *Proxy) Mend() error {
	p.change.Lock()
	defer p.change.Unlock()
	p.Slow(0)
	p.gate.unlock(func() { p.each((*link).allowWrites) })
	if err := p.listenAgain(); err != nil {
		return fmt.Errorf("mend the proxy: %w", err)
	}
	return nil
}

// Close does what Cut does, for good, and waits for all goroutines. A second call
// does nothing.
func (p *Proxy) Close() error {
	p.change.Lock()
	defer p.change.Unlock()
	p.closed = true
	p.cut()
	return nil
}

// cut ends the loop first, so that no connection comes after those that it ends.
func (p *Proxy) cut() {
	if p.listener != nil {
		_ = p.listener.Close() // there is no way to go on with one that does not close
		p.listener = nil
	}
	p.loop.Wait()
	p.each((*link).cut)
	p.links.Wait()
}

func (p *Proxy) listenAgain() error {
	if p.closed {
		return net.ErrClosed
	}
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.serve(listener)
	return nil
}

// serve takes connections until the listener is closed.
func (p *Proxy) serve(listener net.Listener) {
	p.listener = listener
	p.loop.Go(func() {
		for {
			client, err := listener.Accept()
			switch {
			case err == nil:
				p.forward(client.(*net.TCPConn))
			case errors.Is(err, net.ErrClosed):
				return
			default:
				time.Sleep(5 * time.Millisecond) // the process has too many files open, say
			}
		}
	})
}

func (p *Proxy) forward(client *net.TCPConn) {
	l := newLink(client, p.gate, &p.delay)
	p.mu.Lock()
	p.open[l] = struct{}{}
	p.mu.Unlock()
	p.links.Go(func() {
		l.run(p.target)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, l)
	})
}

func (p *Proxy) each(do func(*link)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.open {
		do(l)
	}
}
