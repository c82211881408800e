package sandbox_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/internal/sandbox"
)

func smtpNow() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func startSMTP(t *testing.T, options sandbox.SMTPOptions) *sandbox.SMTP {
	t.Helper()
	before := goleak.IgnoreCurrent()
	options.Now = smtpNow
	s, err := sandbox.StartSMTP(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		goleak.VerifyNone(t, before)
	})
	return s
}

// dialSMTP opens a raw conversation and reads the banner.
func dialSMTP(t *testing.T, s *sandbox.SMTP) *textproto.Conn {
	t.Helper()
	host, port := s.Addr()
	tcp, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	return textproto.NewConn(tcp)
}

// talk sends a command and returns the answer; an I/O error is "broken".
func talk(c *textproto.Conn, command string) string {
	if err := c.PrintfLine("%s", command); err != nil {
		return "broken"
	}
	return answer(c)
}

func answer(c *textproto.Conn) string {
	code, text, err := c.ReadResponse(0)
	if err != nil {
		return "broken"
	}
	return fmt.Sprintf("%d %s", code, text)
}

// play says a whole mail and returns the answer to each line that gets one.
func play(c *textproto.Conn, to string) []string {
	said := []string{answer(c)}
	for _, command := range []string{"HELO me", "MAIL FROM:<a@x.example>", "RCPT TO:<" + to + ">", "DATA", "Subject: Hi\r\n\r\nBody\r\n.", "RSET", "NOOP", "QUIT"} {
		said = append(said, talk(c, command))
		if said[len(said)-1] == "broken" {
			break
		}
	}
	return said
}

func TestSMTPKeepsAMailAsItCame(t *testing.T) {
	for _, mode := range []string{sandbox.SMTPPlain, sandbox.SMTPStartTLS, sandbox.SMTPImplicit} {
		t.Run(mode, func(t *testing.T) {
			var hooked []sandbox.Mail
			s := startSMTP(t, sandbox.SMTPOptions{TLS: mode, OnMail: func(m sandbox.Mail) { hooked = append(hooked, m) }})
			host, port := s.Addr()
			addr := net.JoinHostPort(host, strconv.Itoa(port))
			secure := &tls.Config{ServerName: host, RootCAs: s.CertPool()}
			var conn net.Conn
			var err error
			if mode == sandbox.SMTPImplicit {
				conn, err = tls.Dial("tcp", addr, secure)
			} else {
				conn, err = net.Dial("tcp", addr)
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := smtp.NewClient(conn, host)
			if err != nil {
				t.Fatal(err)
			}
			if offered, _ := c.Extension("STARTTLS"); offered != (mode == sandbox.SMTPStartTLS) {
				t.Errorf("STARTTLS offered: %v", offered)
			}
			if mode == sandbox.SMTPStartTLS {
				if err := c.StartTLS(secure); err != nil {
					t.Fatal(err)
				}
			}
			raw := "Subject: =?utf-8?q?=C2=BFListo=3F?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
				"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n.dot\r\n" +
				"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+w7E8L3A+\r\n--b--\r\n"
			if err := errors.Join(c.Mail("a@x.example"), c.Rcpt("b@y.example"), c.Rcpt("c@y.example")); err != nil {
				t.Fatal(err)
			}
			w, err := c.Data()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, raw); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Close(), c.Quit()); err != nil {
				t.Fatal(err)
			}

			mails := s.Mails()
			if len(mails) != 1 || len(hooked) != 1 {
				t.Fatalf("%d mails, %d seen by OnMail", len(mails), len(hooked))
			}
			m := mails[0]
			if m.From != "a@x.example" || !slices.Equal(m.To, []string{"b@y.example", "c@y.example"}) || string(m.Raw) != raw ||
				!m.At.Equal(smtpNow()) || m.TLS != (mode != sandbox.SMTPPlain) || m.Conn != 1 {
				t.Errorf("got %+v", m)
			}
			if want := strings.Replace(raw, "\r\n.dot", "\r\n..dot", 1); string(m.Wire) != want {
				t.Errorf("on the wire: %q", m.Wire)
			}
			for _, part := range []struct {
				what string
				read func() (string, error)
				want string
			}{{"subject", m.Subject, "¿Listo?"}, {"text", m.Text, "a=b\r\n.dot"}, {"HTML", m.HTML, "<p>ñ</p>"}} {
				if got, err := part.read(); err != nil || got != part.want {
					t.Errorf("%s: %q, %v", part.what, got, err)
				}
			}
		})
	}
}

func TestSMTPFaultsAtEveryStage(t *testing.T) {
	// The answers of play, in order, each a stage.
	stages := []sandbox.SMTPStage{
		sandbox.AtBanner, sandbox.AtEhlo, sandbox.AtMail, sandbox.AtRcpt, sandbox.AtData, sandbox.AtDot,
		sandbox.AtRset, sandbox.AtNoop, sandbox.AtQuit,
	}
	kept := func(stage sandbox.SMTPStage) int {
		if slices.Index(stages, stage) > slices.Index(stages, sandbox.AtDot) {
			return 1
		}
		return 0
	}
	for i, stage := range stages {
		t.Run("refuse at "+string(stage), func(t *testing.T) {
			s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{
				Stage: stage, Action: sandbox.SMTPRefuse, Code: 599, Enhanced: "5.9.9", Text: "one\ntwo",
			}}})
			said := play(dialSMTP(t, s), "b@y.example")
			if said[i] != "599 5.9.9 one\n5.9.9 two" {
				t.Errorf("said %q", said)
			}
			for _, before := range said[:i] {
				if before[0] != '2' && before[0] != '3' {
					t.Errorf("said %q", said)
				}
			}
			if n := len(s.Mails()); n != kept(stage) {
				t.Errorf("%d mails", n)
			}
		})
		t.Run("cut at "+string(stage), func(t *testing.T) {
			s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: stage, Action: sandbox.SMTPCut}}})
			if stage == sandbox.AtBanner {
				// The reset may come before the dial has ended.
				host, port := s.Addr()
				if tcp, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
					if got := answer(textproto.NewConn(tcp)); got != "broken" {
						t.Errorf("said %q", got)
					}
					_ = tcp.Close()
				}
				return
			}
			said := play(dialSMTP(t, s), "b@y.example")
			if len(said) != i+1 || said[len(said)-1] != "broken" {
				t.Errorf("said %q", said)
			}
			if n := len(s.Mails()); n != kept(stage) {
				t.Errorf("%d mails", n)
			}
		})
		t.Run("stall at "+string(stage), func(t *testing.T) {
			s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: stage, Action: sandbox.SMTPStall}}})
			host, port := s.Addr()
			tcp, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tcp.Close() }()
			c := textproto.NewConn(tcp)
			commands := []string{"", "HELO me", "MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>", "DATA", "Body\r\n.", "RSET", "NOOP", "QUIT"}
			for n, command := range commands[:i+1] {
				if n > 0 {
					if err := c.PrintfLine("%s", command); err != nil {
						t.Fatal(err)
					}
				}
				if n < i {
					if got := answer(c); got == "broken" {
						t.Fatalf("broken at %q", command)
					}
				}
			}
			if err := tcp.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ReadLine(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the silence ended with %v", err)
			}
		})
	}
}

func TestSMTPFaultsInTheBodyAndAfterAcceptance(t *testing.T) {
	cases := []struct {
		name  string
		fault sandbox.SMTPFault
		want  string // the answer to the mail
		mails int
	}{
		{"an early answer in the body keeps nothing", sandbox.SMTPFault{Stage: sandbox.AtBody, Action: sandbox.SMTPCut}, "broken", 0},
		{"a lost answer keeps the mail", sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut}, "broken", 1},
		{"a wrong answer keeps the mail", sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRefuse}, "451 refused on demand", 1},
		{"raw text replaces the answer", sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPRaw, Text: "299 odd\r\n"}, "299 odd", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{c.fault}})
			said := play(dialSMTP(t, s), "b@y.example")
			if said[5] != c.want || len(s.Mails()) != c.mails {
				t.Errorf("said %q, %d mails", said, len(s.Mails()))
			}
			if c.want != "broken" && said[6][:3] != "250" {
				t.Errorf("out of step afterwards: %q", said)
			}
		})
	}
}

func TestSMTPFaultsChooseTheirMail(t *testing.T) {
	s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{
		{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 550, Recipient: "Bad@y.example"},
		{Stage: sandbox.AtDot, Action: sandbox.SMTPRefuse, Code: 451, Nth: 2},
	}})
	for i, c := range []struct{ to, rcpt, dot string }{
		{"good@y.example", "250", "250"},
		{"bad@y.example", "550", ""},
		{"good@y.example", "250", "451"}, // the second to reach the dot
		{"good@y.example", "250", "250"},
	} {
		said := play(dialSMTP(t, s), c.to)
		if said[3][:3] != c.rcpt || c.dot != "" && said[5][:3] != c.dot {
			t.Errorf("mail %d: said %q", i+1, said)
		}
	}
	s.SetFaults()
	if said := play(dialSMTP(t, s), "bad@y.example"); said[5][:3] != "250" {
		t.Errorf("mended, it said %q", said)
	}
	if n := s.Connections(); n != 5 {
		t.Errorf("%d connections", n)
	}
}

func TestSMTPWantsALogin(t *testing.T) {
	s := startSMTP(t, sandbox.SMTPOptions{Username: "u", Password: "p"})
	c := dialSMTP(t, s)
	answer(c)
	if got := talk(c, "EHLO me"); !strings.Contains(got, "AUTH PLAIN LOGIN CRAM-MD5") {
		t.Errorf("EHLO: %q", got)
	}
	if got := talk(c, "MAIL FROM:<a@x.example>"); got[:3] != "530" {
		t.Errorf("MAIL before AUTH: %q", got)
	}
	if got := talk(c, "AUTH PLAIN AHUAeA=="); got[:3] != "535" { // \0u\0x
		t.Errorf("a wrong password: %q", got)
	}
	if got := talk(c, "AUTH PLAIN AHUAcA=="); got[:3] != "235" { // \0u\0p
		t.Errorf("the right password: %q", got)
	}
	if got := talk(c, "MAIL FROM:<a@x.example>"); got[:3] != "250" {
		t.Errorf("MAIL after AUTH: %q", got)
	}
	for _, command := range s.Commands() {
		if strings.Contains(command.Line, "AHU") {
			t.Errorf("credentials were recorded: %q", command.Line)
		}
	}
}

func TestSMTPTurnsAwayOneConnectionTooMany(t *testing.T) {
	s := startSMTP(t, sandbox.SMTPOptions{MaxConnections: 2})
	first, second := dialSMTP(t, s), dialSMTP(t, s)
	for _, c := range []*textproto.Conn{first, second} {
		if got := answer(c); !strings.HasPrefix(got, "220 ") {
			t.Errorf("banner %q", got)
		}
	}
	third := dialSMTP(t, s)
	if got := answer(third); !strings.HasPrefix(got, "421 4.7.0 ") {
		t.Errorf("banner %q", got)
	}
	if got := answer(third); got != "broken" {
		t.Errorf("the connection goes on with %q", got)
	}
	if got := talk(first, "QUIT"); !strings.HasPrefix(got, "221 ") {
		t.Errorf("QUIT: %q", got)
	}
	if got := answer(first); got != "broken" {
		t.Errorf("after QUIT: %q", got)
	}
	if got := answer(dialSMTP(t, s)); !strings.HasPrefix(got, "220 ") {
		t.Errorf("banner once there is room: %q", got)
	}
}

func TestSMTPDisconnectAndCloseEndConversations(t *testing.T) {
	s := startSMTP(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{{Stage: sandbox.AtNoop, Action: sandbox.SMTPStall}}})
	c := dialSMTP(t, s)
	answer(c)
	s.Disconnect()
	if got := talk(c, "HELO me"); got != "broken" {
		t.Errorf("after Disconnect: %q", got)
	}
	c = dialSMTP(t, s)
	answer(c)
	if err := c.PrintfLine("NOOP"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := answer(c); got != "broken" {
		t.Errorf("after Close: %q", got)
	}
}

func TestSMTPPipelining(t *testing.T) {
	const group = "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n"
	for _, c := range []struct {
		sentence string
		options  sandbox.SMTPOptions
		offered  bool
		want     string // the answers to the group, by their codes
	}{
		{"It is offered.", sandbox.SMTPOptions{}, true, "250 250 354"},
		{"It need not be.", sandbox.SMTPOptions{NoPipelining: true}, false, "250 250 354"},
		{"A fault strikes one command of many.", sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{
			{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 550},
		}}, true, "250 550 502"},
		{"What was answered before a cut is out.", sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{
			{Stage: sandbox.AtData, Action: sandbox.SMTPCut},
		}}, true, "250 250 broken"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startSMTP(t, c.options)
			conn := dialSMTP(t, s)
			answer(conn)
			if got := strings.Contains(talk(conn, "EHLO me"), "PIPELINING"); got != c.offered {
				t.Errorf("offered: %v", got)
			}
			if _, err := io.WriteString(conn.W, group); err != nil || conn.W.Flush() != nil {
				t.Fatal(err)
			}
			var got []string
			for range 3 {
				code, _, _ := strings.Cut(answer(conn), " ")
				got = append(got, code)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("answered %v, want %s", got, c.want)
			}
			if n := len(s.Commands()); n != 4 {
				t.Errorf("%d commands", n)
			}
		})
	}
}
