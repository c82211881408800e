package mailer

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// maxReply bounds what the server may send in one step, TLS handshake
// included, so that an endless reply can't fill the memory.
const maxReply = 256 << 10

var errReplyTooLong = errors.New("the server's reply is too long")

// socket is the TCP connection below TLS. Each step of the conversation may
// read a limited number of bytes. Reading and writing have deadlines of their
// own, since one sender may write while another waits for an answer. They go by
// the machine's clock, which is the only one that the kernel knows.
type socket struct {
	net.Conn
	budget      int         // of whoever reads
	owes        atomic.Bool // something was read since the last write began
	acknowledge func()      // tells the server that its bytes have come
}

func newSocket(c net.Conn) *socket {
	return &socket{Conn: c, budget: maxReply, acknowledge: acknowledgement(c)}
}

// Read reads at most what is left for this step. Whoever reads twice with
// nothing to write in between acknowledges what came first, which a write does
// by itself.
func (s *socket) Read(p []byte) (int, error) {
	if s.budget <= 0 {
		return 0, errReplyTooLong
	}
	if s.owes.Load() {
		s.acknowledge()
	}
	n, err := s.Conn.Read(p[:min(len(p), s.budget)])
	s.budget -= n
	s.owes.Store(true)
	return n, err
}

// Write notes beforehand that what was read is acknowledged: what is read
// meanwhile may come too late to be.
func (s *socket) Write(p []byte) (int, error) {
	s.owes.Store(false)
	return s.Conn.Write(p)
}

// renew begins another step.
func (s *socket) renew() { s.budget = maxReply }

// listen begins a step that waits for the server.
func (s *socket) listen(limit time.Duration) error {
	s.renew()
	return s.SetReadDeadline(time.Now().Add(limit))
}

// speak begins a write.
func (s *socket) speak(limit time.Duration) error {
	return s.SetWriteDeadline(time.Now().Add(limit))
}

// hangUp closes the connection.
func (s *socket) hangUp() { _ = s.Close() }

// whenDone calls stop as soon as ctx is done, until release is called; release
// waits for a call that is under way.
func whenDone(ctx context.Context, stop func()) (release func()) {
	stopped := make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		defer close(stopped)
		stop()
	})
	return func() {
		if !forget() {
			<-stopped
		}
	}
}
