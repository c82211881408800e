package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// What goes through the link arrives whole and in order, later by a round trip
// at least, and nothing of it is left running.
func TestRelayDelaysAndKeepsTheOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	echo := startEcho(t)
	const roundTrip = 20 * time.Millisecond
	heard := bytes.Buffer{}
	r, err := startRelay(echo, roundTrip, time.Now, func(_ time.Time, b []byte) { heard.Write(b) })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	began := time.Now()
	go func() {
		_, _ = conn.Write(want)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if took := time.Since(began); took < roundTrip {
		t.Errorf("it came back after %s, sooner than a round trip", took)
	}
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back, error %v", len(got), len(want), err)
	}
	if err := errors.Join(conn.Close(), r.close()); err != nil {
		t.Error(err)
	}
	if int(r.sent.Load()) != len(want) || heard.Len() != len(want) {
		t.Errorf("counted %d and heard %d of %d bytes", r.sent.Load(), heard.Len(), len(want))
	}
}

// A relay that is closed ends the connections that still talk.
func TestRelayEndsItsConnections(t *testing.T) {
	defer goleak.VerifyNone(t)
	r, err := startRelay(startEcho(t), time.Millisecond, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still there")
	}
	_ = conn.Close()
}

// startEcho serves one connection, and sends back what it reads.
func startEcho(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		_ = conn.Close()
	}()
	return l.Addr().String()
}
