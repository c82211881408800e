package mailer

import (
	"context"
	"slices"
	"sync"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// Ana's mail is whole and not answered, and Beto's envelope behind it, when nobody
// may send any more. Ana's answer counts; Beto has to wait for another connection.
func TestTheSenderBehindOneTooManyGoesElsewhere(t *testing.T) {
	for _, c := range []struct {
		sentence string
		answer   string // to Ana's mail; "" takes it
		stop     bool   // Beto's wait is ended
	}{
		{"Her mail is taken.", "", false},
		{"Her mail is refused.", "550 5.7.1 spam\r\n", false},
		{"Her connection breaks.", cutOff, false},
		{"He is stopped while he waits.", "", true},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			var m *Mailer
			held := make(chan struct{})
			o := &office{}
			o.script = func(v *visit, at step) string {
				if v.to != "ana" || at != atDot {
					return ""
				}
				close(held)
				if next, err := v.in.Peek(len("RSET")); string(next) != "RSET" {
					t.Errorf("behind the dot came %q, %v", next, err)
				}
				m.SetConnections(0)
				return c.answer
			}
			m = newMailer(t, openOffice(t, o)) // of one connection
			warm(t, m)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var sending sync.WaitGroup
			sending.Go(func() {
				if _, begun, err := send(m, to("ana")); begun != 1 || (err == nil) != (c.answer == "") {
					t.Errorf("Ana's mail was begun %d times: %v", begun, err)
				}
			})
			sending.Go(func() {
				<-held
				begun := 0
				_, err := m.Send(ctx, to("beto"), func() error { begun++; return nil })
				if c.stop {
					stopped(t, err)
				} else if err != nil || begun != 2 {
					t.Errorf("Beto's mail was begun %d times: %v", begun, err)
				}
			})
			eventuallyPool(t, m, func(p *pool) bool { return len(p.waiting) == 1 && p.total() == 0 })
			if o.kept("beto") != 0 || o.connections() != 1 {
				t.Errorf("%d mails for Beto, %d connections, though nobody may send", o.kept("beto"), o.connections())
			}
			want := 1
			if c.stop {
				cancel()
				want = 0
			} else {
				m.SetConnections(1)
			}
			sending.Wait()
			if o.kept("beto") != want || o.connections() != 1+want {
				t.Errorf("%d mails for Beto, %d connections", o.kept("beto"), o.connections())
			}
		})
	}
}

func TestAConnectionThatStandsTooLateCarriesNothing(t *testing.T) {
	dialling, goOn := make(chan struct{}, 2), make(chan struct{})
	s := startCatcher(t, sandbox.SMTPOptions{})
	_, cfg := startMiddleman(t, s, func(line string, in phase) string {
		if in == greeting {
			dialling <- struct{}{}
			<-goOn
		}
		return line
	})
	m := newMailer(t, cfg)
	sent := make(chan error, 1)
	begun := 0
	go func() {
		_, err := m.Send(context.Background(), to("ana"), func() error { begun++; return nil })
		sent <- err
	}()
	<-dialling
	m.SetConnections(0)
	close(goOn)
	eventuallyPool(t, m, func(p *pool) bool { return p.opening == 0 && p.retiring == 0 && len(p.waiting) == 1 })
	if verbs := verbsOf(s, 1); !slices.Equal(verbs, []string{"EHLO", "QUIT"}) {
		t.Errorf("the server got %v", verbs)
	}
	m.SetConnections(1)
	if err := <-sent; err != nil || begun != 1 || len(s.Mails()) != 1 || s.Connections() != 2 {
		t.Errorf("begun %d times, %d mails on %d connections: %v", begun, len(s.Mails()), s.Connections(), err)
	}
}

// The server still counts a connection whose goodbye it has not answered, and
// might turn the next one away.
func TestAGoodbyeKeepsItsPlace(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtQuit, Action: sandbox.SMTPStall, Nth: 1}}})
	m := newMailer(t, configFor(s))
	warm(t, m)
	m.SetConnections(0)
	m.SetConnections(1)
	sent := make(chan error, 1)
	go func() {
		_, _, err := send(m, to("ana"))
		sent <- err
	}()
	eventuallyPool(t, m, func(p *pool) bool { return len(p.waiting) == 1 })
	if s.Connections() != 1 {
		t.Errorf("%d connections while the first says goodbye", s.Connections())
	}
	eventually(t, func() bool { return slices.Contains(verbsOf(s, 1), "QUIT") })
	s.Disconnect()
	if err := <-sent; err != nil || s.Connections() != 2 {
		t.Errorf("%d connections, error %v", s.Connections(), err)
	}
}

func TestNobodySendsAtZero(t *testing.T) {
	for _, c := range []struct {
		sentence string
		end      func(m *Mailer, cancel func())
		code     string
	}{
		{"The end of its context ends the wait.", func(_ *Mailer, cancel func()) { cancel() }, "smtp.cancelled"},
		{"So does the end of the mailer.", func(m *Mailer, _ func()) { _ = m.Close() }, "smtp.closed"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{})
			m := newMailer(t, configFor(s))
			warm(t, m)
			m.SetConnections(0)
			s.Settle() // the idle connection has gone
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			waiting := make(chan error, 1)
			go func() { waiting <- sendUntil(ctx, t, m) }()
			eventuallyPool(t, m, func(p *pool) bool { return len(p.waiting) == 1 })
			c.end(m, cancel)
			if f := pipeline.AsFault(<-waiting); f.Code != c.code || !f.Free {
				t.Errorf("got %+v", f)
			}
			if verbs := verbsOf(s, 1); verbs[len(verbs)-1] != "QUIT" || s.Connections() != 1 {
				t.Errorf("the server got %v on the first of %d connections", verbs, s.Connections())
			}
		})
	}
}
