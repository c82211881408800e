package mailer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestOneConnectionCarriesManyMails(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{TLS: sandbox.SMTPStartTLS})
	cfg := configFor(s)
	cfg.TLS = TLSStart
	m := newMailer(t, cfg)
	for range 10 {
		if _, _, err := send(m, delivery("jose@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Mails()) != 10 || s.Connections() != 1 {
		t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
	}
}

func TestSendersShareTheConnections(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.Connections = 3
	m := newMailer(t, cfg)
	var senders sync.WaitGroup
	for range 30 {
		senders.Go(func() {
			if _, begun, err := send(m, delivery("jose@example.com")); err != nil || begun != 1 {
				t.Errorf("begun %d times, error %v", begun, err)
			}
		})
	}
	senders.Wait()
	if len(s.Mails()) != 30 || s.Connections() > 3 {
		t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
	}
}

func TestAConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	for i := range 3 {
		if _, begun, err := send(m, delivery("jose@example.com")); err != nil || begun != min(i+1, 2) {
			t.Fatalf("begun %d times, error %v", begun, err)
		}
		s.Disconnect()
	}
	if len(s.Mails()) != 3 || s.Connections() != 3 {
		t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
	}
}

func TestAKeptConnectionThatIsOfNoUseCostsNothing(t *testing.T) {
	for _, noPipelining := range []bool{false, true} {
		for _, c := range []struct {
			sentence string
			fault    sandbox.SMTPFault
		}{
			{"It breaks at MAIL FROM.", sandbox.SMTPFault{Stage: sandbox.AtMail, Action: sandbox.SMTPCut}},
			{"It is gone without a word.", sandbox.SMTPFault{Stage: sandbox.AtMail, Action: sandbox.SMTPStall}},
			{"The server closes it.", sandbox.SMTPFault{Stage: sandbox.AtMail, Action: sandbox.SMTPRefuse, Code: 421, Text: "enough"}},
			{"It breaks at RCPT TO.", sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPCut}},
			{"It makes no sense at DATA.", sandbox.SMTPFault{Stage: sandbox.AtData, Action: sandbox.SMTPRaw, Text: "250 ok\r\n"}},
			{"It says too much.", sandbox.SMTPFault{Stage: sandbox.AtMail, Action: sandbox.SMTPRaw, Text: "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n"}},
		} {
			t.Run(fmt.Sprintf("%s without PIPELINING: %v", c.sentence, noPipelining), func(t *testing.T) {
				c.fault.Nth = 2
				s := startCatcher(t, sandbox.SMTPOptions{NoPipelining: noPipelining, Faults: []sandbox.SMTPFault{c.fault}})
				cfg := configFor(s)
				if c.fault.Action == sandbox.SMTPStall {
					cfg.Timeout = time.Second
				}
				m := newMailer(t, cfg)
				for i := range 2 {
					if _, begun, err := send(m, delivery("jose@example.com")); err != nil || begun != i+1 {
						t.Fatalf("begun %d times, error %v", begun, err)
					}
				}
				if s.Connections() != 2 || len(s.Mails()) != 2 {
					t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
				}
			})
		}
	}
}

// A mail that another connection must carry may not be owed any more by then, and
// a stop may have come.
func TestAMailIsAskedForAgainBeforeItTakesAnotherConnection(t *testing.T) {
	refusal := errors.New("no longer owed")
	for _, test := range []struct {
		sentence string
		stop     bool
	}{
		{"It is not owed any more.", false},
		{"The run was stopped.", true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{})
			m := newMailer(t, configFor(s))
			warm(t, m)
			s.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtRset, Action: sandbox.SMTPCut})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			begun := 0
			_, err := m.Send(ctx, to("ana"), func() error {
				if begun++; begun == 2 {
					return refusal
				}
				if test.stop {
					cancel()
				}
				return nil
			})
			if test.stop {
				stopped(t, err)
			} else if err != refusal {
				t.Errorf("got %v", err)
			}
			s.SetFaults()
			if _, _, err := send(m, to("beto")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			if n := len(s.Mails()); n != 2 || s.Connections() != 2 {
				t.Errorf("%d mails on %d connections", n, s.Connections())
			}
		})
	}
}

func TestAnIdleConnectionIsClosedPolitely(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.IdleTimeout = 10 * time.Millisecond
	m := newMailer(t, cfg)
	if _, _, err := send(m, delivery("jose@example.com")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return slices.Contains(verbsOf(s, 1), "QUIT") })
	if _, _, err := send(m, delivery("jose@example.com")); err != nil {
		t.Fatal(err)
	}
	if s.Connections() != 2 {
		t.Errorf("%d connections", s.Connections())
	}
}

// buggy is a context that panics where it is waited for.
type buggy struct{ context.Context }

func (buggy) Done() <-chan struct{} { panic("a bug") }

func TestABugTakesNoConnectionAway(t *testing.T) {
	for _, c := range []struct {
		name  string
		kept  bool // a mail went out before
		meet  func(m *Mailer) error
		conns int // that the next mail leaves behind
	}{
		{"while it dials", false, func(m *Mailer) error { return sendUntil(buggy{context.Background()}, t, m) }, 1},
		{"with the connection in hand", true, func(m *Mailer) error {
			_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error { panic("a bug") })
			return err
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{})
			m := newMailer(t, configFor(s)) // of one connection
			if c.kept {
				if _, _, err := send(m, delivery("jose@example.com")); err != nil {
					t.Fatal(err)
				}
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("there was no bug")
					}
				}()
				_ = c.meet(m)
			}()
			if _, _, err := send(m, delivery("jose@example.com")); err != nil {
				t.Fatal(err)
			}
			if s.Connections() != c.conns {
				t.Errorf("%d connections, want %d", s.Connections(), c.conns)
			}
		})
	}
}

func TestCloseSaysGoodbyeAndRefusesMore(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	if _, _, err := send(m, delivery("jose@example.com")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if verbs := verbsOf(s, 1); verbs[len(verbs)-1] != "QUIT" {
		t.Errorf("the server got %v", verbs)
	}
	_, begun, err := send(m, delivery("jose@example.com"))
	if f := pipeline.AsFault(err); f.Code != "smtp.closed" || !f.Free || begun != 0 {
		t.Errorf("got %v, begun %d times", err, begun)
	}
}

func TestCloseWaitsForTheMailOnTheWire(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	onTheWire, goOn, sent := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
			close(onTheWire)
			<-goOn
			return nil
		})
		sent <- err
	}()
	<-onTheWire
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = m.Close()
	}()
	eventually(t, func() bool {
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		return m.pool.closed
	})
	select {
	case <-closed:
		t.Error("closed while a mail was on the wire")
	default:
	}
	close(goOn)
	<-closed
	if err := <-sent; err != nil || len(s.Mails()) != 1 {
		t.Errorf("%d mails, error %v", len(s.Mails()), err)
	}
}

func TestADeadServerIsAnOutageThatCostsNobodyAnything(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.Port = closedPort(t)
	m := newMailer(t, cfg)
	_, begun, err := send(m, delivery("jose@example.com"))
	if f := pipeline.AsFault(err); f.Kind != pipeline.Outage || f.Code != "smtp.dial" || begun != 0 {
		t.Errorf("got %v, begun %d times", err, begun)
	}
}

// tcpPair returns both ends of a loopback connection.
func tcpPair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return server, client
}
