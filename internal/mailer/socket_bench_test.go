package mailer

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// A server that writes each answer by itself and collects small ones (RFC 896)
// keeps those to an envelope back until the answer to the message before it is
// acknowledged. The benchmark shows what that costs a mail where the socket tells
// the server at once, and where the system takes its time.
func BenchmarkAServerThatCollectsItsAnswers(b *testing.B) {
	for _, test := range []struct {
		name        string
		acknowledge func(net.Conn) func()
	}{
		{"told at once", acknowledgement},
		{"told in time", func(net.Conn) func() { return func() {} }},
	} {
		b.Run(test.name, func(b *testing.B) {
			c := dialCollector(b)
			s := newSocket(c)
			s.acknowledge = test.acknowledge(c)
			answers := bufio.NewReader(s)
			mail := append(make([]byte, 11<<10), '\n')
			for b.Loop() {
				if _, err := s.Write(mail); err != nil {
					b.Fatal(err)
				}
				for range 4 { // to the message, MAIL, RCPT and DATA
					if err := s.listen(time.Minute); err != nil {
						b.Fatal(err)
					}
					if _, err := answers.ReadString('\n'); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// dialCollector connects to a server that answers each line with four small ones,
// under Nagle's algorithm.
func dialCollector(b *testing.B) net.Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = collect(c.(*net.TCPConn))
		}
		done <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Close()
		if err := <-done; err != nil {
			b.Error(err)
		}
		_ = l.Close()
	})
	return c
}

// collect returns once the client has left.
func collect(c *net.TCPConn) error {
	defer c.Close()
	if err := c.SetNoDelay(false); err != nil {
		return err
	}
	for lines := bufio.NewReader(c); ; {
		if _, err := lines.ReadString('\n'); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		for range 4 {
			if _, err := io.WriteString(c, "250 2.0.0 Ok\r\n"); err != nil {
				return err
			}
		}
	}
}
