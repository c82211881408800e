package sandbox

import (
	"net"
	"sync"
)

// smtpListener hands out connections that obey the planned faults, and keeps
// track of them so that they can be cut.
type smtpListener struct {
	net.Listener
	server *SMTP

	mu    sync.Mutex
	count int
	open  map[*smtpConn]struct{}
	less  *sync.Cond // told when a connection ends; its lock is mu
	once  sync.Once
	err   error
}

func newSMTPListener(l net.Listener, server *SMTP) *smtpListener {
	listener := &smtpListener{Listener: l, server: server, open: map[*smtpConn]struct{}{}}
	listener.less = sync.NewCond(&listener.mu)
	return listener
}

// Accept waits for the next connection.
func (l *smtpListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	c := newSMTPConn(conn.(*net.TCPConn), l, l.count)
	c.surplus = l.full()
	l.open[c] = struct{}{}
	return c, nil
}

// Close stops listening; a second call does nothing.
func (l *smtpListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// full tells whether as many connections are served as may be. The caller
// holds the lock.
func (l *smtpListener) full() bool {
	served := 0
	for c := range l.open {
		if !c.surplus {
			served++
		}
	}
	limit := l.server.options.MaxConnections
	return limit > 0 && served >= limit
}

func (l *smtpListener) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *smtpListener) disconnect() {
	l.mu.Lock()
	open := make([]*smtpConn, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

func (l *smtpListener) forget(c *smtpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	l.less.Broadcast()
}

func (l *smtpListener) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.open) > 0 {
		l.less.Wait()
	}
}
