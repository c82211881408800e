package mailer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"alta/pipeline"
)

// isVerb tells whether a line is a command of an envelope, not of a message.
func isVerb(line string) bool {
	verb, _, _ := strings.Cut(line, " ")
	return verb == "EHLO" || verb == "RSET" || verb == "MAIL" || verb == "RCPT" || verb == "DATA" || verb == "QUIT"
}

// commands are the verbs that came, a dot among them for each mail.
func (v *visit) commands() (all []string) {
	for _, line := range v.said() {
		if verb, _, _ := strings.Cut(line, " "); isVerb(line) || line == "." {
			all = append(all, verb)
		}
	}
	return all
}

// Two mails are on one connection. Ana's is whole and not answered when Beto's
// envelope comes in, of which the ledger knows by then; whatever becomes of Ana's,
// each gets its own answer. Where Beto takes another connection, the ledger is
// asked once more.
func TestASenderGoesBehindAnother(t *testing.T) {
	const (
		sent, retry, doubt, hold = -1, pipeline.Retry, pipeline.Doubt, pipeline.Hold
	)
	cases := []struct {
		sentence    string
		answer      string // to Ana's mail; "" takes it
		ana         pipeline.Kind
		connections int
	}{
		{"Both are taken.", "", sent, 1},
		{"A refused mail leaves the connection as it is.", "550 5.7.1 spam\r\n", hold, 1},
		{"So does one that is put off.", "451 4.3.0 later\r\n", retry, 1},
		{"The server closes.", "421 4.3.2 bye\r\n", retry, 2},
		{"The connection breaks.", cutOff, doubt, 2},
		{"The answer makes no sense.", "what?\r\n", doubt, 2},
		{"There is one answer too many.", "250 2.0.0 Ok: queued as ana\r\n250 hm\r\n", sent, 2},
		{"There is a refusal too many.", "250 2.0.0 Ok: queued as ana\r\n550 5.1.1 hm\r\n", sent, 2},
		{"There are as many as an envelope has.", "250 2.0.0 Ok: queued as ana\r\n250 hm\r\n250 hm\r\n250 hm\r\n354 hm\r\n250 hm\r\n", sent, 2},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			var held, begun atomic.Bool
			o := &office{}
			o.script = func(v *visit, at step) string {
				if v.to != "ana" || at != atDot {
					return ""
				}
				held.Store(true)
				// The rest of what is sent with it comes in the same write.
				if next, err := v.in.Peek(len("RSET")); string(next) != "RSET" {
					t.Errorf("behind the dot came %q, %v", next, err)
				}
				if !begun.Load() {
					t.Error("the envelope came before the mail had begun")
				}
				return c.answer
			}
			cfg := openOffice(t, o)
			m := newMailer(t, cfg) // of one connection
			warm(t, m)
			var sending sync.WaitGroup
			sending.Go(func() {
				receipt, begun, err := send(m, to("ana"))
				switch {
				case begun != 1:
					t.Errorf("Ana's mail was begun %d times", begun)
				case c.ana == sent && (err != nil || receipt.Reply != "250 2.0.0 Ok: queued as ana"):
					t.Errorf("Ana's receipt %q, %v", receipt.Reply, err)
				case c.ana != sent && (err == nil || pipeline.AsFault(err).Kind != c.ana):
					t.Errorf("Ana's mail: %v", err)
				}
			})
			sending.Go(func() {
				eventually(t, held.Load)
				times := 0
				receipt, err := m.Send(context.Background(), to("beto"), func() error {
					begun.Store(true)
					times++
					return nil
				})
				if err != nil || times != c.connections || receipt.Reply != "250 2.0.0 Ok: queued as beto" {
					t.Errorf("Beto's receipt %q, begun %d times, %v", receipt.Reply, times, err)
				}
			})
			sending.Wait()
			if n := o.connections(); n != c.connections || o.kept("beto") != 1 {
				t.Errorf("%d connections, %d mails for Beto", n, o.kept("beto"))
			}
		})
	}
}

func TestNobodyGoesBehindAnotherWithoutPipelining(t *testing.T) {
	o := &office{noPipelining: true}
	m := newMailer(t, openOffice(t, o))
	var sending sync.WaitGroup
	for n := range 10 {
		sending.Go(func() {
			if receipt, _, err := send(m, to(fmt.Sprint("u", n))); err != nil || receipt.Reply != fmt.Sprintf("250 2.0.0 Ok: queued as u%d", n) {
				t.Errorf("%q, %v", receipt.Reply, err)
			}
		})
	}
	sending.Wait()
	if o.connections() != 1 {
		t.Errorf("%d connections", o.connections())
	}
}

// holdAna answers Ana's mail when the test says so.
func holdAna() (o *office, held *atomic.Bool, answer chan struct{}) {
	held, answer = new(atomic.Bool), make(chan struct{})
	o = &office{script: func(v *visit, at step) string {
		if v.to == "ana" && at == atDot {
			held.Store(true)
			<-answer
		}
		return ""
	}}
	return o, held, answer
}

// A stop ends the wait behind another mail, which goes on. An envelope that is out
// by then takes the connection with it: its answers would be taken for those to
// another.
func TestAStopBehindAnotherMailLeavesThatMailAlone(t *testing.T) {
	for _, test := range []struct {
		sentence    string
		begins      bool
		connections int
	}{
		{"It has begun.", true, 2},
		{"It has not.", false, 1},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			o, held, answer := holdAna()
			m := newMailer(t, openOffice(t, o))
			warm(t, m)
			ana := make(chan error, 1)
			go func() {
				_, _, err := send(m, to("ana"))
				ana <- err
			}()
			eventually(t, held.Load)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			_, err := m.Send(ctx, to("beto"), func() error {
				cancel()
				if !test.begins {
					return cancelFault(ctx.Err()) // as package pipeline does
				}
				return nil
			})
			stopped(t, err)
			close(answer)
			if err := <-ana; err != nil {
				t.Errorf("Ana's mail: %v", err)
			}
			if _, _, err := send(m, to("carla")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			if o.connections() != test.connections || o.kept("ana") != 1 || o.kept("beto") != 0 || o.kept("carla") != 1 {
				t.Errorf("%d connections, want %d", o.connections(), test.connections)
			}
		})
	}
}

func TestASenderDoesNotWaitLongBehindASlowMail(t *testing.T) {
	o, held, answer := holdAna()
	cfg := openOffice(t, o)
	cfg.Connections = 2
	m := newMailer(t, cfg)
	m.pool.look = 10 * time.Millisecond
	warm(t, m)
	dora, ana := make(chan struct{}), make(chan error, 1)
	var sending sync.WaitGroup
	go func() {
		_, _, err := send(m, to("ana"))
		ana <- err
	}()
	eventually(t, held.Load)
	sending.Go(func() { // has the second connection while Beto goes behind Ana
		_, err := m.Send(context.Background(), to("dora"), func() error { <-dora; return nil })
		if err != nil {
			t.Errorf("Dora's mail: %v", err)
		}
	})
	eventually(t, func() bool { return o.connections() == 2 })
	sending.Go(func() {
		if receipt, begun, err := send(m, to("beto")); err != nil || begun != 2 || !strings.HasSuffix(receipt.Reply, "beto") {
			t.Errorf("Beto's receipt %q, begun %d times, %v", receipt.Reply, begun, err)
		}
	})
	eventually(t, func() bool {
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		return m.pool.busy == 2 && len(m.pool.ready) == 0
	})
	close(dora)
	sending.Wait() // Beto's mail is sent though Ana's is not answered
	close(answer)
	if err := <-ana; err != nil {
		t.Errorf("Ana's mail: %v", err)
	}
}

func TestAServerThatHearsNothingBehindAMessageIsSpared(t *testing.T) {
	o := &office{}
	var held atomic.Bool
	o.script = func(v *visit, at step) string {
		if at == atDot && v.to == "ana" {
			held.Store(true)
			if _, err := v.in.Peek(1); err != nil {
				t.Error(err)
			}
			_, _ = v.in.Discard(v.in.Buffered())
		}
		return ""
	}
	cfg := openOffice(t, o)
	cfg.Timeout = time.Second
	now := noon()
	m, err := New(cfg, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	warm(t, m)
	var sending sync.WaitGroup
	for _, name := range []string{"ana", "beto"} {
		sending.Go(func() {
			if name == "beto" {
				eventually(t, held.Load)
			}
			if _, begun, err := send(m, to(name)); err != nil || begun != map[string]int{"ana": 1, "beto": 2}[name] {
				t.Errorf("%s: begun %d times, %v", name, begun, err)
			}
		})
	}
	sending.Wait()
	offered := func() bool {
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		c := m.pool.take()
		m.pool.offer(c)
		did := c.offered
		m.pool.withdraw(c)
		m.pool.keep(c)
		return did
	}
	if offered() {
		t.Error("the next one goes behind a message again")
	}
	if now = now.Add(solitude); !offered() {
		t.Error("nobody ever goes behind a message again")
	}
}

// RFC 2920, section 3.1: a server may take DATA though it has refused the only
// recipient. It gets not one byte more.
func TestDATAWithoutARecipientIsNotBelieved(t *testing.T) {
	for _, c := range []struct {
		sentence string
		at       step
		refusal  string
		code     string
		kind     pipeline.Kind
	}{
		{"The recipient was refused.", atRCPT, "550 5.1.1 no such user\r\n", "smtp.5.1.1", pipeline.Fail},
		{"The recipient was put off.", atRCPT, "450 4.2.1 busy\r\n", "smtp.4.2.1", pipeline.Retry},
		{"The sender was refused.", atMAIL, "550 5.7.1 not you\r\n", "smtp.5.7.1", pipeline.Outage},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			o := &office{}
			o.script = func(v *visit, at step) string {
				switch {
				case v.number == 1 && at == c.at && !v.first():
					return c.refusal
				case v.number == 1 && at == atDATA && !v.first():
					return "354 go on\r\n"
				}
				return ""
			}
			m := newMailer(t, openOffice(t, o))
			warm(t, m)
			_, begun, err := send(m, to("ana"))
			if f := pipeline.AsFault(err); err == nil || f.Code != c.code || f.Kind != c.kind || begun != 1 {
				t.Errorf("got %v, begun %d times", err, begun)
			}
			if _, _, err := send(m, to("beto")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			said := o.visit(1).commands()
			if !slices.Equal(said, []string{"EHLO", "MAIL", "RCPT", "DATA", ".", "RSET", "MAIL", "RCPT", "DATA"}) || o.connections() != 2 {
				t.Errorf("%d connections; on the first the server got %q", o.connections(), said)
			}
			if o.kept("ana") != 0 || o.kept("") != 0 || o.kept("beto") != 1 {
				t.Errorf("the server has %v", o.mails)
			}
		})
	}
}

// Of a mail that is no longer owed the server hears nothing, also when it would
// have come behind another.
func TestBeginRefusedBehindAnotherMail(t *testing.T) {
	o, held, answer := holdAna()
	m := newMailer(t, openOffice(t, o))
	warm(t, m)
	refusal := errors.New("no longer owed")
	var sending sync.WaitGroup
	sending.Go(func() {
		if _, _, err := send(m, to("ana")); err != nil {
			t.Error(err)
		}
	})
	eventually(t, held.Load)
	if _, err := m.Send(context.Background(), to("beto"), func() error { return refusal }); err != refusal {
		t.Errorf("got %v", err)
	}
	close(answer)
	sending.Wait()
	if _, _, err := send(m, to("carla")); err != nil {
		t.Error(err)
	}
	mails := 0
	for _, verb := range o.visit(1).commands() {
		if verb == "MAIL" {
			mails++
		}
	}
	if mails != 3 || o.kept("beto") != 0 || o.kept("carla") != 1 || o.connections() != 1 {
		t.Errorf("%d connections; on the first the server got %q", o.connections(), o.visit(1).commands())
	}
}
