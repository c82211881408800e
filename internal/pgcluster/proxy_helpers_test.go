package pgcluster_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"alta/internal/pgcluster"
)

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test may have closed it
	return l.(*net.TCPListener)
}

// pair returns both ends of a connection through the proxy.
func pair(t *testing.T, p *pgcluster.Proxy, upstream *net.TCPListener) (client, server *net.TCPConn) {
	t.Helper()
	client = dial(t, p)
	return client, accept(t, upstream)
}

func dial(t *testing.T, p *pgcluster.Proxy) *net.TCPConn {
	t.Helper()
	return keep(t)(net.Dial("tcp", p.Addr()))
}

func accept(t *testing.T, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	if err := l.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return keep(t)(l.Accept())
}

// keep closes a connection when the test ends. Nothing waits longer than a minute
// on it.
func keep(t *testing.T) func(net.Conn, error) *net.TCPConn {
	t.Helper()
	return func(conn net.Conn, err error) *net.TCPConn {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return conn.(*net.TCPConn)
	}
}

func mend(t *testing.T, p *pgcluster.Proxy) {
	t.Helper()
	if err := p.Mend(); err != nil {
		t.Fatal(err)
	}
}

func blackhole(t *testing.T, p *pgcluster.Proxy) {
	t.Helper()
	if err := p.Blackhole(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, conn *net.TCPConn, data string) {
	t.Helper()
	if _, err := conn.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

func reset(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if err := conn.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkArrives(t *testing.T, conn *net.TCPConn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("got %q and the error %v, want %q", got, err, want)
	}
}

func checkCarries(t *testing.T, from, to *net.TCPConn, data []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(data)
		sent <- err
	}()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(to, got); err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, data) {
		t.Error("what arrived is not what was sent")
	}
}

func checkReset(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got the error %v, want a reset", err)
	}
}

// checkSilent sees for a moment that nothing comes, not even an end.
func checkSilent(t *testing.T, name string, conn *net.TCPConn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: got %d bytes and the error %v", name, n, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}
