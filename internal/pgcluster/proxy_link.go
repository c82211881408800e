package pgcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkSize = 32 << 10
	// chunksUnderWay bounds what a slow or frozen direction takes in; after that
	// the sender has to wait, as it does when a network takes no more.
	chunksUnderWay = 256
)

// link is one connection through a proxy.
type link struct {
	gate  *gate
	delay *atomic.Int64
	ctx   context.Context // that of a life, not of a call; ended by cut
	end   context.CancelFunc

	mu     sync.Mutex
	client *net.TCPConn
	server *net.TCPConn // nil until it is there
}

// chunk is what one read gave: bytes, or the end of the direction.
type chunk struct {
	due  time.Time // when it arrives
	data []byte
	err  error
}

func newLink(client *net.TCPConn, g *gate, delay *atomic.Int64) *link {
	ctx, end := context.WithCancel(context.Background())
	return &link{gate: g, delay: delay, ctx: ctx, end: end, client: client}
}

// run forwards both directions until both have ended, or one has failed. A
// client whose server can't be reached is cut.
func (l *link) run(target string) {
	defer l.close()
	if l.gate.wait(l.ctx) != nil || !l.dial(target) {
		l.cut()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(l.server, l.client) })
	both.Go(func() { l.pump(l.client, l.server) })
	both.Wait()
}

func (l *link) dial(target string) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(l.ctx, "tcp", target)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = conn.(*net.TCPConn)
	return l.ctx.Err() == nil // or else cut has come before, and has not seen it
}

// pump forwards one direction. Reading and writing are apart, so that chunks can
// be under way while others are read.
func (l *link) pump(to, from *net.TCPConn) {
	queue := make(chan chunk, chunksUnderWay)
	var reader sync.WaitGroup
	defer reader.Wait()
	reader.Go(func() {
		defer close(queue)
		l.read(from, queue)
	})
	for c := range queue {
		if err := l.deliver(to, c); err != nil {
			l.cut() // which ends the reader, too
			return
		}
	}
}

func (l *link) read(from *net.TCPConn, queue chan<- chunk) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := from.Read(buffer)
		due := time.Now().Add(time.Duration(l.delay.Load()))
		c := chunk{due, append([]byte(nil), buffer[:n]...), err}
		select {
		case queue <- c:
		case <-l.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// deliver forwards a chunk when it is due. The end of a direction is forwarded,
// too; a broken connection is an error.
func (l *link) deliver(to *net.TCPConn, c chunk) error {
	if err := l.await(c.due); err != nil {
		return err
	}
	if err := l.write(to, c.data); err != nil || c.err == nil {
		return err
	}
	if !errors.Is(c.err, io.EOF) {
		return errors.Join(c.err, l.gate.wait(l.ctx))
	}
	return l.guarded(func() (bool, error) { return true, to.CloseWrite() })
}

func (l *link) await(due time.Time) error {
	left := time.Until(due)
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

// write writes all of it, in several parts if a black hole comes in between.
func (l *link) write(to *net.TCPConn, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return l.guarded(func() (bool, error) {
		n, err := to.Write(data)
		data = data[n:]
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil // interrupted by the gate
		}
		return len(data) == 0, err
	})
}

// guarded does something each time that the gate is open, until it is done.
func (l *link) guarded(do func() (done bool, err error)) error {
	for {
		if err := l.gate.wait(l.ctx); err != nil {
			return err
		}
		var done bool
		var err error
		l.gate.pass(func() { done, err = do() })
		if done || err != nil {
			return err
		}
	}
}

// interruptWrites ends the writes that wait for a reader, with the rest unwritten.
func (l *link) interruptWrites() { l.setWriteDeadline(time.Unix(1, 0)) }

func (l *link) allowWrites() { l.setWriteDeadline(time.Time{}) }

func (l *link) setWriteDeadline(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns() {
		_ = c.SetWriteDeadline(at) // one that is closed needs none
	}
}

// cut resets both connections. A connection that is closed already stays so.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The lock makes one step of both: dial adds a connection either before that,
	// or knows that it comes too late. The end comes last, or run might close the
	// connections before, and not reset them.
	defer l.end()
	for _, c := range l.conns() {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
}

// close ends both connections after what was written has arrived.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.end()
	for _, c := range l.conns() {
		_ = c.Close()
	}
}

// conns are those that are there. The caller holds the lock.
func (l *link) conns() []*net.TCPConn {
	if l.server == nil {
		return []*net.TCPConn{l.client}
	}
	return []*net.TCPConn{l.client, l.server}
}
