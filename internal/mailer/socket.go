package mailer

import (
	"context"
	"errors"
	"io"
	"net"
)

// maxReply bounds what the server may send in one step, TLS handshake
// included, so that an endless reply can't fill the memory.
const maxReply = 256 << 10

var errReplyTooLong = errors.New("the server's reply is too long")

// socket is the TCP connection below TLS. Each step of the conversation may
// read a limited number of bytes.
type socket struct {
	net.Conn
	budget int
}

func newSocket(c net.Conn) *socket { return &socket{Conn: c, budget: maxReply} }

// Read reads at most what is left for this step.
func (s *socket) Read(p []byte) (int, error) {
	if s.budget <= 0 {
		return 0, errReplyTooLong
	}
	n, err := s.Conn.Read(p[:min(len(p), s.budget)])
	s.budget -= n
	return n, err
}

// renew begins another step.
func (s *socket) renew() { s.budget = maxReply }

// closeWhenDone closes c as soon as ctx is done, until release is called;
// release waits for a closing that is under way.
func closeWhenDone(ctx context.Context, c io.Closer) (release func()) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = c.Close()
	})
	return func() {
		if !stop() {
			<-closed
		}
	}
}
