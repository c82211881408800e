package mailer

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// Beto waits for the only connection while Ana's mail begins, so that his
// envelope leaves in the write of her message.
func TestAnEnvelopeLeavesWithTheMessageInFront(t *testing.T) {
	tests := []struct {
		sentence    string
		answer      string // to Ana's mail; "" takes it
		stops       bool   // Beto, once his envelope is out
		ana         bool   // she is sent
		connections int    // with the one for a third mail
	}{
		{"Both are taken.", "", false, true, 1},
		{"A refused mail leaves the envelope behind it as it is.", "550 5.7.1 spam\r\n", false, false, 1},
		{"A connection that breaks is of no use to either.", cutOff, false, false, 2},
		{"Nobody gets the answers to an envelope whose sender has gone.", "", true, true, 2},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			gone := make(chan error, 1)
			o := &office{}
			o.script = func(v *visit, at step) string {
				if v.to != "ana" || at != atDot {
					return ""
				}
				if behind, _ := v.in.Peek(v.in.Buffered()); !bytes.HasPrefix(behind, []byte("MAIL FROM:")) || !bytes.HasSuffix(behind, []byte("DATA\r\n")) {
					t.Errorf("with the message came %q", behind)
				}
				if test.stops {
					cancel()
					<-gone
				}
				return test.answer
			}
			m := newMailer(t, openOffice(t, o)) // of one connection
			beto := make(chan error, 1)
			_, err := m.Send(context.Background(), to("ana"), func() error {
				go func() {
					_, err := m.Send(ctx, to("beto"), func() error { return nil })
					gone <- err
					beto <- err
				}()
				eventually(t, func() bool {
					m.pool.mu.Lock()
					defer m.pool.mu.Unlock()
					return len(m.pool.waiting) == 1
				})
				return nil
			})
			if (err == nil) != test.ana {
				t.Errorf("Ana's mail: %v", err)
			}
			if err := <-beto; test.stops {
				stopped(t, err)
			} else if err != nil || o.kept("beto") != 1 {
				t.Errorf("Beto's mail: %v, kept %d times", err, o.kept("beto"))
			}
			if _, _, err := send(m, to("carla")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			if n := o.connections(); n != test.connections {
				t.Errorf("%d connections, want %d", n, test.connections)
			}
		})
	}
}

// The message left, and what went with it did not: the answer to the message
// counts, and nobody else is on that connection any more.
func TestATornEnvelopeCostsItsConnectionOnly(t *testing.T) {
	server, client := tcpPair(t)
	tcp := &failingWrites{Conn: client}
	s := newSocket(tcp)
	answerUpToDATA(server)
	d := newDialer(Config{Host: "127.0.0.1", TLS: TLSNone, Timeout: time.Second, LocalName: "test"})
	smtpClient, _, err := d.open(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	c := newConnection(smtpClient, s, time.Second, time.Second)
	c.pipelining = true
	p := newPool(Config{Connections: 1}, d, func() time.Time { return time.Time{} })
	p.busy = 1
	behind := &waiter{mail: letter(nil), chain: true, granted: make(chan grant, 1)}
	p.waiting = []*waiter{behind}
	p.join(c)

	raw := []byte("Subject: Hola\r\n\r\nHola\r\n")
	tcp.breaks, tcp.left = true, len(raw)+len(dot)+len("MAIL")
	if f := c.transfer(letter(raw)); f != nil {
		t.Fatalf("the dot has left: %v", *f)
	}
	p.yield(c)
	p.put(c)
	g := <-behind.granted
	if !g.turn.behind || !g.turn.spoke {
		t.Errorf("granted %+v", g.turn)
	}
	_, err = g.turn.carry(context.Background(), letter(raw), func() error { t.Error("begun"); return nil })
	if err != errElsewhere || !c.broken {
		t.Errorf("got %v", err)
	}
}

func TestMayHaveDots(t *testing.T) {
	for _, before := range []string{"", "x", "seven.7", "12345678", "123456789", strings.Repeat("x.\r\n", 9)} {
		for _, text := range []string{"", ".", "a.", "\n.", "\n", ".\n", "a\n\n.", "a\n..", "\n\n/", "\v.", "\n\xae"} {
			for _, after := range []string{"", "\r\n", ".\r\n", strings.Repeat("x.\r\n", 9)} {
				raw := before + text + after
				if got, want := mayHaveDots([]byte(raw)), strings.HasPrefix(raw, ".") || strings.Contains(raw, "\n."); got != want {
					t.Errorf("%q: got %t", raw, got)
				}
			}
		}
	}
}
