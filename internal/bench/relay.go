package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"alta/pipeline"
)

// relay is a TCP link with a delay: what one side writes reaches the other half
// a round trip later, in order, however much it is. It has no limit of bandwidth
// and no loss. Connecting to it costs no round trip.
type relay struct {
	listener net.Listener
	target   string
	delay    time.Duration // one way
	now      pipeline.Clock
	heard    func(at time.Time, bytes []byte) // what clients send, if anybody listens

	running sync.WaitGroup
	sent    atomic.Int64 // bytes from the clients

	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

// startRelay listens on a free port; heard may be nil, and is called from
// several goroutines.
func startRelay(target string, roundTrip time.Duration, now pipeline.Clock, heard func(time.Time, []byte)) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, target: target, delay: roundTrip / 2, now: now, heard: heard}
	r.running.Go(r.accept)
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// close cuts every connection and waits for all goroutines.
func (r *relay) close() error {
	r.mu.Lock()
	r.closed = true
	err := r.listener.Close()
	for _, c := range r.conns {
		_ = c.Close() // it may be closed already
	}
	r.mu.Unlock()
	r.running.Wait()
	return err
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.running.Go(func() { r.carry(client) })
	}
}

// carry serves one connection until both directions have ended.
func (r *relay) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	origin, err := net.Dial("tcp", r.target)
	if err != nil {
		return // the client sees the end
	}
	defer func() { _ = origin.Close() }()
	if !r.keep(client, origin) {
		return
	}
	var pair sync.WaitGroup
	pair.Go(func() {
		r.pump(origin, client, func(at time.Time, bytes []byte) {
			r.sent.Add(int64(len(bytes)))
			if r.heard != nil {
				r.heard(at, bytes)
			}
		})
	})
	pair.Go(func() { r.pump(client, origin, nil) })
	pair.Wait()
}

// keep remembers the connections for close, unless that has begun.
func (r *relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, conns...)
	return !r.closed
}

// chunk is what was read at once, and when it has to arrive.
type chunk struct {
	bytes []byte
	due   time.Time
}

// pump carries one direction until it ends, then passes the end on.
func (r *relay) pump(to, from net.Conn, heard func(time.Time, []byte)) {
	way := newDelayLine()
	var writer sync.WaitGroup
	writer.Go(func() { r.arrive(to, way) })
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			at := r.now()
			if heard != nil {
				heard(at, buffer[:n])
			}
			way.put(chunk{append([]byte(nil), buffer[:n]...), at.Add(r.delay)})
		}
		if err != nil {
			break
		}
	}
	way.end()
	writer.Wait()
}

// arrive writes what is on its way, each chunk at its time.
func (r *relay) arrive(to net.Conn, way *delayLine) {
	for {
		c, err := way.take()
		if errors.Is(err, io.EOF) {
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			return
		}
		if wait := c.due.Sub(r.now()); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(c.bytes); err != nil {
			_ = to.Close() // so that the other direction ends, too
			return
		}
	}
}

// delayLine is what is on its way. It never blocks who puts something in, since
// a link that is long does not thereby get narrow.
type delayLine struct {
	mu     sync.Mutex
	change *sync.Cond
	chunks []chunk
	ended  bool
}

func newDelayLine() *delayLine {
	d := &delayLine{}
	d.change = sync.NewCond(&d.mu)
	return d
}

func (d *delayLine) put(c chunk) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chunks = append(d.chunks, c)
	d.change.Signal()
}

func (d *delayLine) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.change.Signal()
}

// take waits for the next chunk; after the last one it returns io.EOF.
func (d *delayLine) take() (chunk, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.chunks) == 0 && !d.ended {
		d.change.Wait()
	}
	if len(d.chunks) == 0 {
		return chunk{}, io.EOF
	}
	c := d.chunks[0]
	d.chunks = d.chunks[1:]
	return c, nil
}
