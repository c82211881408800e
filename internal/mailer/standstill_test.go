package mailer

import (
	"bytes"
	"context"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// standstill is the TCP connection of a process that stands still while the
// answer to a mail comes in: deadlines pass, and each is reported before the
// answer is looked at, until it is set anew.
type standstill struct {
	net.Conn
	answering atomic.Bool // set by the server before it answers
	first     int         // bytes of the answer that get through before
	deadlines int         // that are still to pass
	passed    bool
	held      []byte // of the answer, not seen yet
}

func (s *standstill) Read(p []byte) (int, error) {
	if len(s.held) == 0 {
		n, err := s.Conn.Read(p)
		if err != nil || !s.answering.Load() {
			return n, err
		}
		s.held = bytes.Clone(p[:n])
	}
	seen := s.held
	switch {
	case s.first > 0:
		seen, s.first = s.held[:s.first], 0
	case s.deadlines > 0:
		s.passed = true
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	n := copy(p, seen)
	s.held = s.held[n:]
	return n, nil
}

func (s *standstill) SetReadDeadline(t time.Time) error {
	if s.passed {
		s.passed = false
		s.deadlines--
	}
	return s.Conn.SetReadDeadline(t)
}

func TestAnAnswerThatComesWhileTheProcessStandsStill(t *testing.T) {
	plain, secure := []string{TLSNone}, []string{TLSStart, TLSImplicit}
	both := append(plain, secure...)
	accepted := sandbox.SMTPFault{}
	says := func(text string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRaw, Text: text}
	}
	for _, c := range []struct {
		sentence  string
		modes     []string
		fault     sandbox.SMTPFault
		first     int
		deadlines int
		reply     string // "" for a mail that does not count as sent
		kind      pipeline.Kind
		code      string
	}{
		{sentence: "A yes is taken after a pause.", modes: both, fault: accepted, deadlines: 1, reply: "250 2.0.0 OK: queued"},
		{sentence: "So it is after three.", modes: both, fault: accepted, deadlines: 3, reply: "250 2.0.0 OK: queued"},
		{
			sentence: "So is a yes of several lines.", modes: both, fault: says("250-2.0.0 fine\r\n250 2.0.0 thanks\r\n"), deadlines: 1,
			reply: "250 2.0.0 fine 2.0.0 thanks",
		},
		{
			sentence: "A refusal is one after a pause too.", modes: both, fault: says("550 5.7.1 spam\r\n"), deadlines: 1,
			kind: pipeline.Hold, code: "smtp.5.7.1",
		},
		{
			sentence: "When the patience is over, the mail is in doubt.", modes: both, fault: accepted, deadlines: 4,
			kind: pipeline.Doubt, code: "smtp.timeout",
		},
		{
			sentence: "Half a TLS record is no answer yet, and not lost.", modes: secure, fault: accepted, first: 3, deadlines: 1,
			reply: "250 2.0.0 OK: queued",
		},
		{
			sentence: "Half a code is not believed.", modes: plain, fault: accepted, first: 2, deadlines: 1,
			kind: pipeline.Doubt, code: "smtp.reply",
		},
		{
			sentence: "Nor is a yes of several lines before the last, nor what is in the middle of a line.", modes: plain,
			fault: says("250-550 spam\r\n250 2.0.0 thanks\r\n"), first: len("250-"), deadlines: 1,
			kind: pipeline.Doubt, code: "smtp.timeout",
		},
	} {
		for _, mode := range c.modes {
			t.Run(c.sentence+" "+mode, func(t *testing.T) {
				tcp := &standstill{first: c.first, deadlines: c.deadlines}
				options := sandbox.SMTPOptions{TLS: mode, OnMail: func(sandbox.Mail) { tcp.answering.Store(true) }}
				if c.fault != accepted {
					options.Faults = []sandbox.SMTPFault{c.fault}
				}
				server := startCatcher(t, options)
				cfg := configFor(server)
				cfg.TLS = mode
				var err error
				tcp.Conn, err = net.Dial("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
				if err != nil {
					t.Fatal(err)
				}
				s := newSocket(tcp)
				client, _, err := newDialer(cfg).open(context.Background(), s)
				if err != nil {
					t.Fatal(err)
				}
				conn := newConnection(client, s, cfg.Timeout, 8*time.Second)
				defer conn.drop()
				got, err := transact(conn, letter([]byte("Subject: Hola\r\n\r\nHola\r\n")))
				if c.reply != "" {
					if err != nil || got.String() != c.reply || conn.broken {
						t.Errorf("reply %q, error %v, broken %v", got, err, conn.broken)
					}
				} else if f := pipeline.AsFault(err); err == nil || f.Kind != c.kind || f.Code != c.code {
					t.Errorf("reply %q, error %v of kind %v and code %s", got, err, f.Kind, f.Code)
				}
				if tcp.deadlines != 0 && c.kind != pipeline.Doubt {
					t.Errorf("%d deadlines did not pass", tcp.deadlines)
				}
				if c.kind == pipeline.Doubt && !conn.broken {
					t.Error("the connection is kept")
				}
				if len(server.Mails()) != 1 {
					t.Errorf("%d mails", len(server.Mails()))
				}
			})
		}
	}
}

// A server that scans a mail for longer than any other step may take is waited
// for (RFC 5321, section 4.5.3.2.6).
func TestTheAnswerToAWholeMailMayTakeTenMinutes(t *testing.T) {
	for _, c := range []struct {
		sentence             string
		timeout, dot, expect time.Duration
	}{
		{"Ten minutes, unless something else is said.", 0, 0, 10 * time.Minute},
		{"More, if every step may take more.", 15 * time.Minute, 0, 15 * time.Minute},
		{"What is said counts.", time.Minute, 2 * time.Minute, 2 * time.Minute},
		{"Never less than any other step.", time.Minute, time.Second, time.Minute},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			cfg := configFor(startCatcher(t, sandbox.SMTPOptions{}))
			cfg.Timeout, cfg.DotTimeout = c.timeout, c.dot
			conn, err := newMailer(t, cfg).dialer.dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.drop()
			if conn.patience != c.expect {
				t.Errorf("patience of %s, want %s", conn.patience, c.expect)
			}
		})
	}
}
