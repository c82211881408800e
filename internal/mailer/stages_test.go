package mailer

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// TestEveryStageThatFails breaks a live conversation at each stage.
func TestEveryStageThatFails(t *testing.T) {
	const (
		retry, fail, hold, doubt, outage = pipeline.Retry, pipeline.Fail, pipeline.Hold, pipeline.Doubt, pipeline.Outage

		refuse, stall, cut = sandbox.SMTPRefuse, sandbox.SMTPStall, sandbox.SMTPCut
		with, without      = "with PIPELINING", "without PIPELINING"
	)
	cases := []struct {
		name  string
		fault sandbox.SMTPFault
		tls   string // TLSNone if empty
		kind  pipeline.Kind
		code  string // not compared if empty: the reset may come before or after the dial's end
		free  bool
		bad   bool
		begun int
		mails int
	}{
		{name: "a banner that refuses is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: refuse, Code: 554, Enhanced: "5.7.1", Text: "go away"}, kind: outage, code: "smtp.5.7.1"},
		{name: "too many connections is an outage, nobody pays", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: refuse, Code: 421, Enhanced: "4.7.0"}, kind: outage, code: "smtp.4.7.0"},
		{name: "a banner that never comes is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: stall}, kind: outage, code: "smtp.timeout"},
		{name: "a connection cut at once is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: cut}, kind: outage},
		{name: "a banner of garbage is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: sandbox.SMTPRaw, Text: "HTTP/1.1 400 Bad Request\r\n"}, kind: outage, code: "smtp.reply"},
		{name: "a banner without end is an outage and fills no memory", fault: sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: sandbox.SMTPFlood}, kind: outage, code: "smtp.reply"},
		{name: "a refused EHLO is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtEhlo, Action: refuse, Code: 550}, kind: outage, code: "smtp.550"},
		{name: "a cut at EHLO is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtEhlo, Action: cut}, kind: outage, code: "smtp.connection"},
		{name: "a stall at EHLO is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtEhlo, Action: stall}, kind: outage, code: "smtp.timeout"},
		{name: "a refused STARTTLS is an outage", tls: TLSStart, fault: sandbox.SMTPFault{Stage: sandbox.AtStartTLS, Action: refuse, Code: 454, Enhanced: "4.7.0"}, kind: outage, code: "smtp.4.7.0"},
		{name: "garbage instead of TLS is an outage", tls: TLSStart, fault: sandbox.SMTPFault{Stage: sandbox.AtStartTLS, Action: sandbox.SMTPRaw, Text: "220 go\r\nnot TLS at all"}, kind: outage, code: "smtp.tls"},
		{name: "a cut at STARTTLS is an outage", tls: TLSStart, fault: sandbox.SMTPFault{Stage: sandbox.AtStartTLS, Action: cut}, kind: outage, code: "smtp.tls"},

		{name: "a refused sender is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: refuse, Code: 550, Enhanced: "5.7.1"}, kind: outage, code: "smtp.5.7.1", begun: 1},
		{name: "a sender put off is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: refuse, Code: 452, Enhanced: "4.3.1"}, kind: outage, code: "smtp.4.3.1", begun: 1},
		{name: "a fresh connection closed at MAIL FROM is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: refuse, Code: 421}, kind: outage, code: "smtp.421", begun: 1},
		{name: "a fresh connection cut at MAIL FROM is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: cut}, kind: outage, code: "smtp.connection", begun: 1},
		{name: "a stall at MAIL FROM is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: stall}, kind: outage, code: "smtp.timeout", begun: 1},

		{name: "an unknown user fails and marks the address", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 550, Enhanced: "5.1.1", Text: "no such user"}, kind: fail, bad: true, code: "smtp.5.1.1", begun: 1},
		{name: "a refused recipient without status fails too", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 550, Text: "no such user"}, kind: fail, bad: true, code: "smtp.550", begun: 1},
		{name: "a greylisted recipient is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 450, Enhanced: "4.2.0"}, kind: retry, code: "smtp.4.2.0", begun: 1},
		{name: "relaying denied holds the mail", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 554, Enhanced: "5.7.1"}, kind: hold, code: "smtp.5.7.1", begun: 1},
		{name: "a server that closes at RCPT TO costs nothing", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 421}, kind: retry, free: true, code: "smtp.421", begun: 1},
		{name: "a cut at RCPT TO is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: cut}, kind: retry, code: "smtp.connection", begun: 1},
		{name: "a stall at RCPT TO is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: stall}, kind: retry, code: "smtp.timeout", begun: 1},
		{name: "garbage at RCPT TO is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRaw, Text: "what?\r\n"}, kind: retry, code: "smtp.reply", begun: 1},
		{name: "a login that is asked for late is an outage", fault: sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: refuse, Code: 530, Enhanced: "5.7.0"}, kind: outage, code: "smtp.5.7.0", begun: 1},
		{name: "answers to commands that were not given yet are an outage at MAIL FROM", fault: sandbox.SMTPFault{Stage: sandbox.AtMail, Action: sandbox.SMTPRaw, Text: "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n"}, kind: outage, code: "smtp.reply", begun: 1},
		{name: "an answer to the final dot that comes with the one to DATA is not believed", fault: sandbox.SMTPFault{Stage: sandbox.AtData, Action: sandbox.SMTPRaw, Text: "354 go\r\n250 queued\r\n"}, kind: retry, code: "smtp.reply", begun: 1},
		{name: "a refused DATA holds the mail", fault: sandbox.SMTPFault{Stage: sandbox.AtData, Action: refuse, Code: 554}, kind: hold, code: "smtp.554", begun: 1},
		{name: "a cut at DATA is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtData, Action: cut}, kind: retry, code: "smtp.connection", begun: 1},
		{name: "a stall at DATA is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtData, Action: stall}, kind: retry, code: "smtp.timeout", begun: 1},

		{name: "spam holds the mail", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: refuse, Code: 550, Enhanced: "5.7.1", Text: "spam"}, kind: hold, code: "smtp.5.7.1", begun: 1},
		{name: "a mail put off after the dot is tried again", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: refuse, Code: 451, Enhanced: "4.3.0"}, kind: retry, code: "smtp.4.3.0", begun: 1},
		{name: "421 after the dot says that the mail was not taken", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: refuse, Code: 421}, kind: retry, code: "smtp.421", begun: 1},
		{name: "a cut after the dot is in doubt", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: cut}, kind: doubt, code: "smtp.connection", begun: 1},
		{name: "a stall after the dot is in doubt", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: stall}, kind: doubt, code: "smtp.timeout", begun: 1},
		{name: "garbage after the dot is in doubt", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPRaw, Text: "ok i guess\r\n"}, kind: doubt, code: "smtp.reply", begun: 1},
		{name: "an endless answer after the dot is in doubt", fault: sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPFlood}, kind: doubt, code: "smtp.reply", begun: 1},
		{name: "an accepted mail whose answer is lost is in doubt", fault: sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: cut}, kind: doubt, code: "smtp.connection", begun: 1, mails: 1},
	}
	for _, c := range cases {
		for _, offer := range []string{with, without} {
			t.Run(c.name+", "+offer, func(t *testing.T) {
				t.Parallel()
				mode := c.tls
				if mode == "" {
					mode = TLSNone
				}
				s := startCatcher(t, sandbox.SMTPOptions{TLS: mode, NoPipelining: offer == without})
				cfg := configFor(s)
				cfg.TLS = mode
				if c.fault.Action == stall {
					cfg.Timeout = time.Second
				}
				m := newMailer(t, cfg)
				if offer == with && c.begun > 0 { // the first mail of a connection goes without
					warm(t, m)
					s.Forget()
				}
				s.SetFaults(c.fault)
				_, begun, err := send(m, delivery("jose@example.com"))
				if err == nil {
					t.Fatal("no error")
				}
				f := pipeline.AsFault(err)
				if f.Kind != c.kind || c.code != "" && f.Code != c.code || f.Free != c.free || f.BadAddress != c.bad {
					t.Errorf("kind %v, code %s, free %v, bad address %v: %v", f.Kind, f.Code, f.Free, f.BadAddress, err)
				}
				// A kept connection that was of no use is replaced first.
				if begun != c.begun && (offer == without || min(begun, 1) != c.begun) {
					t.Errorf("begun %d times, want %d", begun, c.begun)
				}
				if got := len(s.Mails()); got != c.mails {
					t.Errorf("%d mails kept, want %d", got, c.mails)
				}
				if f.Reason == "" || strings.Contains(err.Error(), "kyc.example") {
					t.Errorf("reason %q", err)
				}
			})
		}
	}
}

func TestAMailWithAnAnswerIsSentWhateverHappensNext(t *testing.T) {
	t.Run("the connection is cut at the goodbye", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtQuit, Action: sandbox.SMTPCut}}})
		m := newMailer(t, configFor(s))
		if _, _, err := send(m, delivery("jose@example.com")); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("RSET is refused: the next mail takes another connection", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{
			{Stage: sandbox.AtRcpt, Nth: 1, Action: sandbox.SMTPRefuse, Code: 550, Enhanced: "5.1.1"},
			{Stage: sandbox.AtRset, Action: sandbox.SMTPRefuse, Code: 502},
		}})
		m := newMailer(t, configFor(s))
		if f := failureOf(send(m, delivery("nobody@example.com"))); f.Code != "smtp.5.1.1" {
			t.Fatalf("got %v", f)
		}
		for range 2 {
			if _, begun, err := send(m, delivery("jose@example.com")); err != nil || begun != 2 {
				t.Fatalf("begun %d times, error %v", begun, err)
			}
		}
		if len(s.Mails()) != 2 || s.Connections() != 3 {
			t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
		}
	})
	t.Run("more answers than one: the next mail takes another connection", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRaw, Text: "250 queued\r\n250 hm\r\n"}}})
		m := newMailer(t, configFor(s))
		for range 2 {
			if receipt, _, err := send(m, delivery("jose@example.com")); err != nil || receipt.Reply != "250 queued" {
				t.Fatalf("reply %q, error %v", receipt.Reply, err)
			}
		}
		if len(s.Mails()) != 2 || s.Connections() != 2 {
			t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
		}
	})
	t.Run("a refusal with another answer behind it: the next mail takes another connection", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtRcpt, Nth: 1, Action: sandbox.SMTPRaw, Text: "550 5.1.1 no\r\n250 hm\r\n"}}})
		m := newMailer(t, configFor(s))
		if _, _, err := send(m, delivery("jose@example.com")); err == nil || pipeline.AsFault(err).Code != "smtp.5.1.1" {
			t.Fatalf("got %v", err)
		}
		if _, _, err := send(m, delivery("ana@example.com")); err != nil {
			t.Fatal(err)
		}
		if len(s.Mails()) != 1 || s.Connections() != 2 {
			t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
		}
	})
	t.Run("another 2yz than 250 is a completion too", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRefuse, Code: 251, Text: "will do"}}})
		m := newMailer(t, configFor(s))
		receipt, _, err := send(m, delivery("jose@example.com"))
		if err != nil || receipt.Reply != "251 will do" {
			t.Errorf("reply %q, error %v", receipt.Reply, err)
		}
	})
}

func TestABrokenBodyIsNeverEndedByADot(t *testing.T) {
	// More than the socket buffers of both sides can swallow.
	raw := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 400_000)
	for _, mode := range []string{TLSNone, TLSStart} {
		for _, c := range []struct {
			name  string
			fault sandbox.SMTPFault
			kind  pipeline.Kind
			code  string // not compared if empty
		}{
			{"a stall", sandbox.SMTPFault{Action: sandbox.SMTPStall}, pipeline.Retry, "smtp.timeout"},
			{"a reset", sandbox.SMTPFault{Action: sandbox.SMTPCut}, pipeline.Retry, "smtp.connection"},
			{"an endless answer", sandbox.SMTPFault{Action: sandbox.SMTPFlood}, pipeline.Retry, ""},
			{"garbage", sandbox.SMTPFault{Action: sandbox.SMTPRaw, Text: "what?\r\n"}, pipeline.Retry, "smtp.connection"},
			{"a yes before the end", sandbox.SMTPFault{Action: sandbox.SMTPRaw, Text: "250 queued\r\n"}, pipeline.Retry, "smtp.connection"},
			{"a server that closes", sandbox.SMTPFault{Action: sandbox.SMTPRefuse, Code: 421}, pipeline.Retry, "smtp.421"},
			{"a refusal says why", sandbox.SMTPFault{Action: sandbox.SMTPRefuse, Code: 552, Enhanced: "5.3.4"}, pipeline.Hold, "smtp.5.3.4"},
		} {
			t.Run(mode+" "+c.name, func(t *testing.T) {
				t.Parallel()
				c.fault.Stage = sandbox.AtBody
				s := startCatcher(t, sandbox.SMTPOptions{TLS: mode, Faults: []sandbox.SMTPFault{c.fault}})
				cfg := configFor(s)
				cfg.TLS, cfg.Timeout = mode, 2*time.Second
				m := newMailer(t, cfg)
				begun := 0
				_, err := m.transmit(context.Background(), letter(raw), func() error { begun++; return nil })
				if f := pipeline.AsFault(err); err == nil || f.Kind != c.kind || c.code != "" && f.Code != c.code || f.Free || begun != 1 {
					t.Errorf("got %v, begun %d times", err, begun)
				}
				if len(m.pool.idle) > 0 {
					t.Error("the connection is kept")
				}
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				verbs := verbsOf(s, 1)
				if len(s.Mails()) != 0 || verbs[len(verbs)-1] != "DATA" {
					t.Errorf("%d mails; the server got %v", len(s.Mails()), verbs)
				}
			})
		}
	}
}

func TestATruncatedMailIsNotSentWhenTheServerStallsThenReads(t *testing.T) {
	// The server reads on after the client has given up: what is left in the
	// socket must not hold a final dot.
	raw := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 400_000)
	server, client := tcpPair(t)
	s := newSocket(client)
	read := answerUpToDATA(server)
	d := newDialer(Config{Host: "127.0.0.1", TLS: TLSNone, Timeout: time.Second, LocalName: "test"})
	smtpClient, _, err := d.open(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	c := newConnection(smtpClient, s, time.Second, time.Second)
	if _, err := transact(c, letter(raw)); pipeline.AsFault(err).Code != "smtp.timeout" {
		t.Fatalf("got %v", err)
	}
	got := <-read
	_, _ = got.ReadFrom(server) // ends with the connection, whatever the error
	if !bytes.Contains(got.Bytes(), []byte("DATA\r\n")) || bytes.Contains(got.Bytes(), []byte("\r\n.\r\n")) ||
		bytes.Contains(got.Bytes(), []byte("QUIT")) {
		t.Errorf("%d bytes that hold no DATA, or a final dot, or QUIT", got.Len())
	}
}

// answerUpToDATA greets and answers EHLO, MAIL, RCPT and DATA, one after the
// other, and yields what it has read.
func answerUpToDATA(server net.Conn) <-chan *bytes.Buffer {
	done := make(chan *bytes.Buffer, 1)
	go func() {
		var got bytes.Buffer
		defer func() { done <- &got }()
		_, _ = server.Write([]byte("220 hi\r\n"))
		for _, answer := range []string{"250 hi\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"} {
			// Byte by byte, so that nothing behind the line is read.
			for !bytes.HasSuffix(got.Bytes(), []byte("\n")) {
				if _, err := io.CopyN(&got, server, 1); err != nil {
					return
				}
			}
			got.WriteByte(0) // so that the next line is not this one
			_, _ = server.Write([]byte(answer))
		}
	}()
	return done
}

// warm sends a mail, so that a connection is kept.
func warm(t testing.TB, m *Mailer) {
	t.Helper()
	if _, _, err := send(m, to("zoe")); err != nil {
		t.Fatal(err)
	}
}

// letter is a mail that belongs to nobody.
func letter(raw []byte) outgoing {
	return outgoing{from: "<hola@mail.example.mx>", to: "<jose@example.com>", raw: raw}
}

// transact sends a mail on a connection that belongs to no pool.
func transact(c *connection, m outgoing) (reply, error) {
	if c.pipelining {
		if err := c.propose(m); err != nil {
			return reply{}, err
		}
	}
	if f := c.agree(m); f != nil {
		return reply{}, *f
	}
	if f := c.transfer(m); f != nil {
		return reply{}, *f
	}
	said, f := c.verdict(m)
	if f != nil {
		return reply{}, *f
	}
	return said, nil
}

// failingWrites is a TCP connection that breaks once it has taken some more
// bytes.
type failingWrites struct {
	net.Conn
	breaks bool
	left   int
}

func (f *failingWrites) Write(p []byte) (int, error) {
	if !f.breaks || len(p) <= f.left {
		f.left -= len(p)
		return f.Conn.Write(p)
	}
	n, err := f.Conn.Write(p[:f.left])
	f.left = 0
	return n, cmp.Or(err, error(syscall.ECONNRESET))
}

func TestDoubtBeginsExactlyAtTheFinalDot(t *testing.T) {
	small := []byte("Subject: Hola\r\n\r\nHola\r\n")
	big := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 3000)
	for _, c := range []struct {
		sentence string
		raw      []byte
		left     int // bytes that leave
		kind     pipeline.Kind
		code     string
	}{
		{"A mail of which nothing left is tried again.", small, 0, pipeline.Retry, "smtp.connection"},
		{"So is one that left up to its last byte.", small, len(small), pipeline.Retry, "smtp.connection"},
		{"A dot that may have left is in doubt once no answer comes.", small, len(small) + 1, pipeline.Doubt, "smtp.timeout"},
		{"So is one that left but for the end of its line.", small, len(small) + 2, pipeline.Doubt, "smtp.timeout"},
		{"A big mail breaks off in its middle.", big, maxWrite + 1, pipeline.Retry, "smtp.connection"},
		{"Or before its dot.", big, len(big), pipeline.Retry, "smtp.connection"},
		{"Or at it.", big, len(big) + 1, pipeline.Doubt, "smtp.timeout"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			server, client := tcpPair(t)
			tcp := &failingWrites{Conn: client}
			s := newSocket(tcp)
			read := answerUpToDATA(server)
			d := newDialer(Config{Host: "127.0.0.1", TLS: TLSNone, Timeout: time.Second, LocalName: "test"})
			smtpClient, _, err := d.open(context.Background(), s)
			if err != nil {
				t.Fatal(err)
			}
			conn := newConnection(smtpClient, s, time.Second, time.Second)
			if f := conn.agree(letter(c.raw)); f != nil {
				t.Fatal(f)
			}
			<-read
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				_, _ = io.Copy(io.Discard, server)
			}()
			tcp.breaks, tcp.left = true, c.left
			f := conn.transfer(letter(c.raw))
			if f == nil {
				_, f = conn.verdict(letter(c.raw))
			}
			if f == nil || f.fault().Kind != c.kind || f.fault().Code != c.code || !conn.broken {
				t.Errorf("got %v", f)
			}
			<-drained
		})
	}
}

// Above TLS the dot is in the last record, and nobody can read a record whose
// end is missing.
func TestARecordThatDidNotLeaveWholeIsNoDoubt(t *testing.T) {
	raw := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 300) // two records
	for _, left := range []int{0, 1, 16<<10 + 100, len(raw), len(raw) + 40} {
		t.Run(strconv.Itoa(left), func(t *testing.T) {
			server := startCatcher(t, sandbox.SMTPOptions{TLS: sandbox.SMTPImplicit})
			cfg := configFor(server)
			cfg.TLS = TLSImplicit
			client, err := net.Dial("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
			if err != nil {
				t.Fatal(err)
			}
			tcp := &failingWrites{Conn: client}
			s := newSocket(tcp)
			smtpClient, _, err := newDialer(cfg).open(context.Background(), s)
			if err != nil {
				t.Fatal(err)
			}
			conn := newConnection(smtpClient, s, time.Second, time.Second)
			conn.pipelining = true
			if err := conn.propose(letter(raw)); err != nil {
				t.Fatal(err)
			}
			if f := conn.agree(letter(raw)); f != nil {
				t.Fatal(f)
			}
			tcp.breaks, tcp.left = true, left
			f := conn.transfer(letter(raw))
			if f == nil || f.step != atBody || f.fault().Kind != pipeline.Retry || !conn.broken {
				t.Errorf("got %v", f)
			}
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if n := len(server.Mails()); n != 0 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

// Every line that begins with a dot gets another one (RFC 5321, section 4.5.2),
// wherever the writes divide the message.
func TestDotStuffing(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	full := strings.Repeat(strings.Repeat("x", 62)+"\r\n", maxWrite/64)
	for _, c := range []struct {
		sentence, raw, wire string
	}{
		{"No dot, no change.", "a\r\nb.\r\n", "a\r\nb.\r\n"},
		{"A dot at the very beginning.", ".a\r\n", "..a\r\n"},
		{"One dot a line.", ".\r\n.\r\n..\r\n", "..\r\n..\r\n...\r\n"},
		{"A last line without its end gets one.", "a\r\n.", "a\r\n..\r\n"},
		{"A dot right where a write ends.", full + ".a\r\n", full + "..a\r\n"},
		{"A dot right before that.", full[1:] + ".a\r\n", full[1:] + "..a\r\n"},
		{"A dot right behind it.", "x" + full + ".a\r\n", "x" + full + "..a\r\n"},
		{"Nothing but dots, far more than one write.", strings.Repeat(".\r\n", maxWrite), strings.Repeat("..\r\n", maxWrite)},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			before := len(s.Mails())
			if _, err := m.transmit(context.Background(), letter([]byte(c.raw)), func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			if got := string(s.Mails()[before].Wire); got != c.wire {
				t.Errorf("%d bytes on the wire, want %d", len(got), len(c.wire))
			}
		})
	}
}

func TestARefusedMailLeavesTheConnectionUsable(t *testing.T) {
	for _, c := range []struct {
		sentence     string
		noPipelining bool
		want         []string
	}{
		{"All commands at once.", false, []string{"EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"}},
		{"One after the other.", true, []string{"EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{NoPipelining: c.noPipelining, Faults: []sandbox.SMTPFault{{
				Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Recipient: "bad@example.com", Code: 550, Enhanced: "5.1.1",
			}}})
			m := newMailer(t, configFor(s))
			for _, email := range []string{"a@example.com", "bad@example.com", "b@example.com"} {
				_, _, err := send(m, delivery(email))
				if (err != nil) != (email == "bad@example.com") {
					t.Errorf("%s: %v", email, err)
				}
			}
			if len(s.Mails()) != 2 || s.Connections() != 1 {
				t.Errorf("%d mails on %d connections", len(s.Mails()), s.Connections())
			}
			if verbs := verbsOf(s, 1); !slices.Equal(verbs, c.want) {
				t.Errorf("the server got %v", verbs)
			}
		})
	}
}
