package mailer

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// sendAll sends through a number of senders at once and returns what failed.
func sendAll(m *Mailer, senders int, all []*pipeline.Delivery) (failed []error) {
	var mu sync.Mutex
	var working sync.WaitGroup
	mails := make(chan *pipeline.Delivery)
	for range senders {
		working.Go(func() {
			for d := range mails {
				if _, _, err := send(m, d); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, d := range all {
		mails <- d
	}
	close(mails)
	working.Wait()
	return failed
}

// warnings collects what Config.Warn is told.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts
}

func TestAServerThatTakesFewerConnectionsGetsAllMails(t *testing.T) {
	for _, mode := range []string{TLSNone, TLSStart} {
		t.Run(mode, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{TLS: mode, MaxConnections: 5})
			cfg := configFor(s)
			var told warnings
			cfg.TLS, cfg.Connections, cfg.Warn = mode, 8, told.add
			m := newMailer(t, cfg)

			// All eight hold a connection, or want one, at the same time.
			var held, done sync.WaitGroup
			held.Add(5)
			release := make(chan struct{})
			for _, d := range users(8) {
				done.Go(func() {
					first := true
					_, err := m.Send(context.Background(), d, func() error {
						select {
						case <-release:
							first = false
						default:
						}
						if first {
							held.Done()
							<-release
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			held.Wait()
			eventually(t, func() bool {
				m.pool.mu.Lock()
				defer m.pool.mu.Unlock()
				return s.Connections() > 5 && m.pool.opening == 0
			})
			close(release)
			done.Wait()

			for _, err := range sendAll(m, 8, users(52)) {
				t.Error(err)
			}
			if len(s.Mails()) != 60 {
				t.Errorf("%d mails", len(s.Mails()))
			}
			if n := s.Connections(); n > 8 {
				t.Errorf("%d connections, want the five and at most three that were turned away", n)
			}
			if got := told.all(); len(got) != 1 || got[0] != "the mail server takes fewer connections than smtp.connections; lower it" {
				t.Errorf("warned of %q", got)
			}
		})
	}
}

func TestSixtyMailsThroughEightSendersAndFiveConnections(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{MaxConnections: 5})
	cfg := configFor(s)
	cfg.Connections = 8 // and nobody to warn
	m := newMailer(t, cfg)
	for _, err := range sendAll(m, 8, users(60)) {
		t.Error(err)
	}
	if len(s.Mails()) != 60 {
		t.Errorf("%d mails", len(s.Mails()))
	}
}

func TestOneMoreConnectionIsTriedAfterAWhile(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{MaxConnections: 1})
	now := noon()
	cfg := configFor(s)
	cfg.Connections = 2
	m, err := New(cfg, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	// nested sends a second mail while the first has its connection; it must
	// wait for that one.
	nested := func(connections int) {
		t.Helper()
		var second sync.WaitGroup
		_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
			second.Go(func() {
				if _, _, err := send(m, delivery("ana@example.com")); err != nil {
					t.Error(err)
				}
			})
			eventually(t, func() bool {
				m.pool.mu.Lock()
				defer m.pool.mu.Unlock()
				return s.Connections() == connections && m.pool.opening == 0
			})
			return nil
		})
		second.Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
	nested(2) // its own, and one that is turned away
	nested(2) // nobody dials
	now = now.Add(growth)
	nested(3) // one is turned away again
	if len(s.Mails()) != 6 {
		t.Errorf("%d mails", len(s.Mails()))
	}
}

func TestASenderWhoWasTurnedAwayDialsWhenTheOtherConnectionBreaks(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{MaxConnections: 1})
	cfg := configFor(s)
	cfg.Connections = 2
	m := newMailer(t, cfg)
	second := make(chan error, 1)
	_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
		go func() {
			_, _, err := send(m, delivery("ana@example.com"))
			second <- err
		}()
		eventually(t, func() bool {
			m.pool.mu.Lock()
			defer m.pool.mu.Unlock()
			return s.Connections() == 2 && m.pool.opening == 0
		})
		s.Disconnect()
		return nil
	})
	if err == nil {
		t.Error("the first mail went out on a broken connection")
	}
	if err := <-second; err != nil {
		t.Errorf("the second mail: %v", err)
	}
}

func TestAServerThatTakesNobodyIsAnOutageForAllAtOnce(t *testing.T) {
	cases := []struct {
		sentence string
		fault    sandbox.SMTPFault
	}{
		{"It turns away every banner.", sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: sandbox.SMTPRefuse, Code: 421, Enhanced: "4.7.0"}},
		{"It turns away every EHLO.", sandbox.SMTPFault{Stage: sandbox.AtEhlo, Action: sandbox.SMTPRefuse, Code: 421}},
		{"It cuts every connection.", sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: sandbox.SMTPCut}},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{c.fault}})
			cfg := configFor(s)
			var told warnings
			cfg.Connections, cfg.Warn = 8, told.add
			m := newMailer(t, cfg)
			failed := sendAll(m, 8, users(8))
			for _, err := range failed {
				if f := pipeline.AsFault(err); f.Kind != pipeline.Outage {
					t.Errorf("fault %+v", f)
				}
			}
			if len(failed) != 8 || s.Connections() > 8 {
				t.Errorf("%d failed on %d connections", len(failed), s.Connections())
			}
			if len(told.all()) != 0 {
				t.Errorf("warned of %q, though no connection stood", told.all())
			}
			s.SetFaults()
			for _, err := range sendAll(m, 8, users(8)) {
				t.Errorf("after mending: %v", err)
			}
		})
	}
}

func TestARefusedConnectIsNoOutageWhileAnotherConnectionWorks(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.Connections = 2
	var told warnings
	cfg.Warn = told.add
	m := newMailer(t, cfg)
	second := make(chan error, 1)
	_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
		m.pool.dialer.config.Port = closedPort(t)
		go func() {
			_, _, err := send(m, delivery("ana@example.com"))
			second <- err
		}()
		eventually(t, func() bool {
			m.pool.mu.Lock()
			defer m.pool.mu.Unlock()
			return m.pool.capacity.crowd.current == 1
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second mail: %v", err)
	}
	if len(told.all()) != 0 {
		t.Errorf("warned of %q, though the server said nothing", told.all())
	}
}

// closedPort returns a port of this machine on which nobody listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// A server that limits the rate gets fewer mails at a time, and its words about
// one user change nothing.
func TestAServerThatAsksForFewerMailsGetsFewer(t *testing.T) {
	for _, c := range []struct {
		sentence string
		fault    sandbox.SMTPFault
		want     int
	}{
		{"A rate limit at RCPT TO.", sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 450, Enhanced: "4.7.1", Text: "too many mails"}, 6},
		{"A rate limit after the dot.", sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPRefuse, Code: 421, Enhanced: "4.7.28", Text: "unusual rate"}, 6},
		{"Greylisting.", sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 450, Enhanced: "4.7.1", Text: "greylisted"}, 8},
		{"A full mailbox.", sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 452, Enhanced: "4.2.2"}, 8},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{c.fault}})
			cfg := configFor(s)
			cfg.Connections = 8
			m := newMailer(t, cfg)
			var sending sync.WaitGroup
			for _, d := range users(8) {
				sending.Go(func() {
					if _, _, err := send(m, d); err == nil {
						t.Error("no error")
					}
				})
			}
			sending.Wait()
			m.pool.mu.Lock()
			got := m.pool.capacity.at(noon())
			m.pool.mu.Unlock()
			if got > c.want || c.want == 8 && got != 8 {
				t.Errorf("%d mails may go at a time, want %d", got, c.want)
			}
			s.SetFaults()
			for _, err := range sendAll(m, 8, users(30)) {
				t.Error(err)
			}
			if len(s.Mails()) != 30 {
				t.Errorf("%d mails", len(s.Mails()))
			}
		})
	}
}
