package mailer

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"alta/pipeline"
)

// startParrot is a server that takes every mail and answers its final dot with
// the next bytes of answers, whatever they are, and then hangs up.
func startParrot(f *testing.F) (port int, answers chan<- []byte) {
	f.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	queue, done := make(chan []byte, 1), make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talk(conn, queue)
			_ = conn.Close()
		}
	}()
	f.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().(*net.TCPAddr).Port, queue
}

func talk(conn net.Conn, answers <-chan []byte) {
	in := textproto.NewReader(bufio.NewReader(conn))
	say := func(s string) bool { _, err := io.WriteString(conn, s); return err == nil }
	if !say("220 parrot\r\n") {
		return
	}
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		if !strings.HasPrefix(line, "DATA") {
			if !say("250 2.0.0 yes\r\n") {
				return
			}
			continue
		}
		if !say("354 go on\r\n") {
			return
		}
		if _, err := in.ReadDotBytes(); err == nil {
			_, _ = conn.Write(<-answers)
		}
		return
	}
}

// FuzzReplyToTheDot finds bytes that a server may answer with and that are taken
// for more than they say: a mail counts as sent only by a reply of class 2, and
// as refused only by one of class 4 or 5. All else is in doubt.
func FuzzReplyToTheDot(f *testing.F) {
	for _, answer := range []string{
		"250 2.0.0 Ok: queued as 4F3\r\n", "250\r\n", "250-a\r\n250 b\r\n", "250-a\r\n", "2", "", "\r\n", "250", "251 moved\n", "2500 what\r\n", "25x\r\n", " 250 ok\r\n",
		"421 4.3.2 closing\r\n", "451 4.7.1 later\r\n", "550 5.1.1 nobody\r\n550 5.1.1 again\r\n", "554-5.7.1 spam\r\n554 https://kyc.example/s?_al=TOKEN==\r\n", "250-a\r\n550 b\r\n", "550-a\r\n250 b\r\n",
		"354 go on\r\n", "999 \xff\x00\x1b[31m\r\n", "-50 x\r\n", "250 " + strings.Repeat("x", 5000) + "\r\n", strings.Repeat("250-x\r\n", 1000),
	} {
		f.Add([]byte(answer))
	}
	port, answers := startParrot(f)
	m, err := New(Config{
		Host: "127.0.0.1", Port: port, TLS: TLSNone, From: mail.Address{Address: "hola@example.mx"}, Timeout: 20 * time.Second,
	}, noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = m.Close() })
	f.Fuzz(func(t *testing.T, answer []byte) {
		answers <- answer
		receipt, begun, err := send(m, delivery("jose@example.com"))
		if begun < 1 || begun > 2 { // the connection that the mail before left is closed, or isn't yet
			t.Fatalf("begun %d times, %v", begun, err)
		}
		class := byte(0)
		if len(answer) > 3 {
			class = answer[0]
		}
		shown := receipt.Reply
		if err == nil && class != '2' {
			t.Errorf("%q counts as sent", answer)
		}
		if err != nil {
			fault, classified := errors.AsType[*pipeline.Fault](err)
			if !classified {
				t.Fatalf("%v", err)
			}
			if fault.Kind != pipeline.Doubt && class != '4' && class != '5' {
				t.Errorf("%q counts as %v", answer, fault.Kind)
			}
			shown = fault.Error()
		}
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, unicode.IsControl) || utf8.RuneCountInString(shown) > 2000 || strings.Contains(shown, "_al=TOKEN==") {
			t.Errorf("shown: %q", shown)
		}
	})
}
