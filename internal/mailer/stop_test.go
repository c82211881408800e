package mailer

import (
	"context"
	"errors"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// stopped checks the error of a mail that was stopped before it began. The
// servers of these tests stall for ever and the time-outs are long, so that
// only the stop itself can have ended the wait.
func stopped(t *testing.T, err error) {
	t.Helper()
	f := pipeline.AsFault(err)
	if !errors.Is(err, context.Canceled) || f.Kind != pipeline.Retry || !f.Free || f.Code != "smtp.cancelled" {
		t.Errorf("got %v of kind %v", err, f.Kind)
	}
}

func TestAStopBeforeBeginEndsEveryWait(t *testing.T) {
	stall := func(stage sandbox.SMTPStage) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPStall}
	}
	t.Run("before anything is done", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{})
		m := newMailer(t, configFor(s))
		if _, _, err := send(m, delivery("jose@example.com")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		stopped(t, sendUntil(ctx, t, m))
		if _, _, err := send(m, delivery("jose@example.com")); err != nil || s.Connections() != 1 {
			t.Errorf("the kept connection was lost: %d, %v", s.Connections(), err)
		}
	})
	for _, c := range []struct {
		name  string
		tls   string
		fault sandbox.SMTPFault
		verbs int // commands that the server has got by then
	}{
		{"while the banner does not come", TLSNone, stall(sandbox.AtBanner), 0},
		{"while TLS does not come", TLSImplicit, stall(sandbox.AtBanner), 0},
		{"while EHLO is not answered", TLSNone, stall(sandbox.AtEhlo), 1},
		{"while STARTTLS is not answered", TLSStart, stall(sandbox.AtStartTLS), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{TLS: c.tls, Faults: []sandbox.SMTPFault{c.fault}})
			cfg := configFor(s)
			cfg.TLS, cfg.Timeout = c.tls, time.Hour
			m := newMailer(t, cfg)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			watched := make(chan struct{})
			go func() {
				defer close(watched)
				eventually(t, func() bool { return s.Connections() == 1 && len(s.Commands()) == c.verbs })
				cancel()
			}()
			stopped(t, sendUntil(ctx, t, m))
			<-watched
		})
	}
	t.Run("while all connections are in use", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{})
		m := newMailer(t, configFor(s))
		stopWhileOneIsHeld(t, m)
	})
	t.Run("while the server takes no more connections", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{MaxConnections: 1})
		cfg := configFor(s)
		cfg.Connections = 2
		m := newMailer(t, cfg)
		stopWhileOneIsHeld(t, m)
		if s.Connections() != 2 {
			t.Errorf("%d connections", s.Connections())
		}
	})
}

// stopWhileOneIsHeld stops a mail that waits for the connection of another.
func stopWhileOneIsHeld(t *testing.T, m *Mailer) {
	t.Helper()
	_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		waiting := make(chan error, 1)
		go func() { waiting <- sendUntil(ctx, t, m) }()
		eventually(t, func() bool {
			m.pool.mu.Lock()
			defer m.pool.mu.Unlock()
			return m.pool.opening == 0 && m.pool.capacity.crowd.current == 1
		})
		cancel()
		stopped(t, <-waiting)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// sendUntil sends a mail that must not begin.
func sendUntil(ctx context.Context, t *testing.T, m *Mailer) error {
	_, err := m.Send(ctx, delivery("ana@example.com"), func() error {
		t.Error("begun")
		return nil
	})
	return err
}

func TestAStopAfterBeginDoesNotInterruptTheMail(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	// Both on a fresh connection and on a kept one.
	for range 2 {
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := m.Send(ctx, delivery("jose@example.com"), func() error { cancel(); return nil }); err != nil {
			t.Error(err)
		}
	}
	if len(s.Mails()) != 2 || s.Connections() != 1 {
		t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
	}
}
