package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ pipeline.Sender = (*Mailer)(nil)

// link has everything that templates and encodings like to break.
const link = "https://kyc.example/s?_al=TOKEN==&r=a%2Fb"

func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func startCatcher(t *testing.T, options sandbox.SMTPOptions) *sandbox.SMTP {
	t.Helper()
	options.Now = noon
	s, err := sandbox.StartSMTP(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close catcher: %v", err)
		}
	})
	return s
}

func configFor(s *sandbox.SMTP) Config {
	host, port := s.Addr()
	return Config{
		Host: host, Port: port, TLS: TLSNone, RootCAs: s.CertPool(),
		From:    mail.Address{Name: "Banco Ñandú, S.A.", Address: "hola@mail.example.mx"},
		ReplyTo: mail.Address{Address: "ayuda@example.mx"},
		Timeout: 20 * time.Second, DotTimeout: time.Millisecond, // so that both are Timeout
	}
}

// users returns n deliveries to different users.
func users(n int) []*pipeline.Delivery {
	all := make([]*pipeline.Delivery, n)
	for i := range all {
		all[i] = delivery(fmt.Sprintf("u%d@example.com", i+1))
		all[i].User.ID = fmt.Sprintf("u-%d", i+1)
	}
	return all
}

func newMailer(t *testing.T, cfg Config) *Mailer {
	t.Helper()
	m, err := New(cfg, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close mailer: %v", err)
		}
	})
	return m
}

func delivery(email string) *pipeline.Delivery {
	return &pipeline.Delivery{
		ID:   7,
		User: pipeline.User{ID: "u-7", Email: email, Name: "José \"Pepe\" Núñez, hijo"},
		Step: pipeline.Invite, Round: 1, Attempt: 1,
		Link: pipeline.Link{URL: pipeline.NewSecret(link)},
		Message: pipeline.Message{
			ID: "abc123@mail.example.mx", Date: noon(),
			Content: pipeline.Content{
				Subject: "José, verifica tu identidad para activar tu cuenta",
				Text:    "Hola José:\n\nEntra aquí: " + link + "\n\n.Una línea con punto\n..y otra\n" + strings.Repeat("larga ", 300) + "\n",
				HTML:    `<p>Hola José</p><a href="` + link + `">Verificar</a>` + strings.Repeat("x", 3000),
			},
		},
	}
}

// send counts the calls of begin.
func send(m *Mailer, d *pipeline.Delivery) (receipt pipeline.Receipt, begun int, err error) {
	receipt, err = m.Send(context.Background(), d, func() error { begun++; return nil })
	return receipt, begun, err
}

func TestSendDeliversTheMailOverEveryKindOfTransport(t *testing.T) {
	for _, mode := range []string{TLSNone, TLSStart, TLSImplicit} {
		t.Run(mode, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{TLS: mode})
			cfg := configFor(s)
			cfg.TLS = mode
			m := newMailer(t, cfg)
			receipt, begun, err := send(m, delivery("jose@example.com"))
			if err != nil || begun != 1 {
				t.Fatalf("begun %d times, error %v", begun, err)
			}
			if receipt.Reply != "250 2.0.0 OK: queued" {
				t.Errorf("reply %q", receipt.Reply)
			}
			mails := s.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			got := mails[0]
			if got.From != "hola@mail.example.mx" || !slices.Equal(got.To, []string{"jose@example.com"}) {
				t.Errorf("envelope from %q to %q", got.From, got.To)
			}
			if got.TLS != (mode != TLSNone) {
				t.Errorf("received over TLS: %v", got.TLS)
			}
			if got.Return != "HDRS" {
				t.Errorf("RET=%q: a bounce would carry the link", got.Return)
			}
		})
	}
}

func TestTheLinkIsInBothPartsByteForByte(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	d := delivery("jose@example.com")
	if _, _, err := send(m, d); err != nil {
		t.Fatal(err)
	}
	got := s.Mails()[0]
	text, err := got.Text()
	if err != nil || !strings.Contains(text, link) {
		t.Errorf("text part lacks the link (%v)", err)
	}
	html, err := got.HTML()
	if err != nil || !strings.Contains(html, link) {
		t.Errorf("HTML part lacks the link (%v)", err)
	}
	if want := strings.ReplaceAll(d.Message.Text, "\n", "\r\n"); text != want {
		t.Errorf("text part changed on its way:\n got %q\nwant %q", text, want)
	}
	if html != d.Message.HTML {
		t.Error("HTML part changed on its way")
	}
}

func TestTheWireHasOnlyShortAsciiLinesThatEndWithCRLF(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	d := delivery("jose@example.com")
	d.Message.Text = "uno\rdos\ntres\r\ncuatro\n\r\n.\n.\r\n..\nfin"
	if _, _, err := send(m, d); err != nil {
		t.Fatal(err)
	}
	got := s.Mails()[0]
	for line := range bytes.SplitSeq(got.Wire, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n") {
			t.Errorf("bare CR or LF in %q", line)
		}
		if len(line) > 78 {
			t.Errorf("line of %d bytes", len(line))
		}
		// A dot at the start of a line is encoded, so that none need be doubled.
		if bytes.HasPrefix(line, []byte(".")) {
			t.Errorf("line %q begins with a dot", line)
		}
		for _, c := range line {
			if c > 126 {
				t.Fatalf("byte %d on the wire", c)
			}
		}
	}
	if text, err := got.Text(); err != nil || text != canonical(d.Message.Text) {
		t.Errorf("text part %q, %v", text, err)
	}
	built, err := m.Build(d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Raw, built) {
		t.Error("the mail that arrived is not the one that was built")
	}
}

func TestNothingIsSentWhenBeginFails(t *testing.T) {
	for _, noPipelining := range []bool{false, true} {
		t.Run(fmt.Sprintf("without PIPELINING: %v", noPipelining), func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{NoPipelining: noPipelining})
			m := newMailer(t, configFor(s))
			refusal := errors.New("no longer owed")
			_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error { return refusal })
			if err != refusal {
				t.Fatalf("error %v is not the one of begin", err)
			}
			if verbs := verbsOf(s, 1); !slices.Equal(verbs, []string{"EHLO"}) {
				t.Errorf("the server got %v", verbs)
			}
			if _, _, err := send(m, delivery("ana@example.com")); err != nil {
				t.Fatalf("the next mail: %v", err)
			}
			if mails := s.Mails(); len(mails) != 1 || mails[0].To[0] != "ana@example.com" || s.Connections() != 1 {
				t.Errorf("%d mails on %d connections", len(mails), s.Connections())
			}
		})
	}
}

// The ledger knows of a mail before the server hears the first command of it.
func TestBeginComesRightBeforeMailFrom(t *testing.T) {
	for _, noPipelining := range []bool{false, true} {
		t.Run(fmt.Sprintf("without PIPELINING: %v", noPipelining), func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{NoPipelining: noPipelining})
			m := newMailer(t, configFor(s))
			said := []string{"EHLO"}
			for _, mail := range [][]string{{"MAIL", "RCPT", "DATA"}, {"RSET", "MAIL", "RCPT", "DATA"}} {
				var before []string
				_, err := m.Send(context.Background(), delivery("jose@example.com"), func() error {
					before = verbsOf(s, 1)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(before, said) {
					t.Errorf("before begin the server got %v", before)
				}
				said = append(said, mail...)
				if all := verbsOf(s, 1); !slices.Equal(all, said) {
					t.Errorf("the server got %v", all)
				}
			}
			wantLine := "MAIL FROM:<hola@mail.example.mx> BODY=8BITMIME RET=HDRS"
			if commands := s.Commands(); commands[1].Line != wantLine || commands[2].Line != "RCPT TO:<jose@example.com>" {
				t.Errorf("the envelope is %v", commands[1:3])
			}
		})
	}
}

func TestAddressesBeyondAscii(t *testing.T) {
	t.Run("a local part beyond ASCII fails, whatever the server offers", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{UTF8: true})
		m := newMailer(t, configFor(s))
		_, begun, err := send(m, delivery("josé@ejemplo.example"))
		f := pipeline.AsFault(err)
		if f.Kind != pipeline.Fail || f.Code != "smtp.address" || !f.BadAddress || begun != 0 || !strings.Contains(err.Error(), "ASCII") {
			t.Errorf("fault %+v, begun %d times", f, begun)
		}
		if s.Connections() != 0 {
			t.Error("the server was asked")
		}
	})
	t.Run("an international domain travels as A-labels and needs nothing", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{UTF8: true})
		m := newMailer(t, configFor(s))
		if _, _, err := send(m, delivery("jose@ñandú.example")); err != nil {
			t.Fatal(err)
		}
		got := s.Mails()[0]
		if got.To[0] != "jose@xn--and-6ma2c.example" {
			t.Errorf("sent to %q", got.To[0])
		}
		if strings.Contains(fmt.Sprint(s.Commands()), "SMTPUTF8") {
			t.Error("SMTPUTF8 was asked for")
		}
	})
}

func TestSendTestReturnsTheServersReply(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	reply, err := m.SendTest(context.Background(), mail.Address{Name: "Op", Address: "op@example.com"},
		pipeline.Content{Subject: "Prueba", Text: "Hola", HTML: "<p>Hola</p>"})
	if err != nil || reply != "250 2.0.0 OK: queued" {
		t.Fatalf("reply %q, error %v", reply, err)
	}
	if subject, err := s.Mails()[0].Subject(); err != nil || subject != "Prueba" {
		t.Errorf("subject %q, error %v", subject, err)
	}
}

func TestCheckGoesAsFarAsTheLoginAndSaysGoodbye(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{TLS: sandbox.SMTPStartTLS, Username: "u", Password: "p"})
	cfg := configFor(s)
	cfg.TLS, cfg.Username, cfg.Password = TLSStart, "u", pipeline.NewSecret("p")
	m := newMailer(t, cfg)
	if err := m.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if verbs := verbsOf(s, 1); !slices.Equal(verbs, []string{"EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"}) {
		t.Errorf("the server got %v", verbs)
	}
}

func TestNewIDIsRandomAndUnderTheFromDomain(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	a, b := m.NewID(), m.NewID()
	if a == b || !isMessageID(a) || !strings.HasSuffix(a, "@mail.example.mx") {
		t.Errorf("got %q and %q", a, b)
	}
}

// verbsOf returns the verbs that one connection has sent.
func verbsOf(s *sandbox.SMTP, conn int) []string {
	var verbs []string
	for _, c := range s.Commands() {
		if c.Conn == conn {
			verb, _, _ := strings.Cut(c.Line, " ")
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// eventually waits until another goroutine has made the condition true.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Error("waited in vain")
			return
		}
	}
}
