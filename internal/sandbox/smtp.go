package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"sync"

	gosmtp "github.com/emersion/go-smtp"

	"alta/pipeline"
)

// The values of [SMTPOptions].TLS.
const (
	SMTPStartTLS = "starttls" // plain text until STARTTLS, which is offered
	SMTPImplicit = "implicit" // TLS from the first byte (RFC 8314)
	SMTPPlain    = "none"     // no TLS at all
)

// SMTPOptions describe an SMTP catcher.
type SMTPOptions struct {
	Addr string // where to listen, "127.0.0.1:0" if empty
	TLS  string // SMTPStartTLS, SMTPImplicit or SMTPPlain; empty is SMTPPlain

	// Username and Password make AUTH mandatory before MAIL FROM. The password
	// is also the token of XOAUTH2.
	Username, Password string
	// Mechanisms are the SASL mechanisms to offer, in that order; empty offers
	// every one that [SMTP] knows.
	Mechanisms []string

	UTF8         bool // offer SMTPUTF8 (RFC 6531)
	NoPipelining bool // don't offer PIPELINING (RFC 2920)

	// MaxConnections is the most that may be open at a time; one more is
	// answered with 421 4.7.0 and closed. 0 is no limit.
	MaxConnections int

	Faults []SMTPFault

	Now    pipeline.Clock // required; stamps the mails
	OnMail func(Mail)     // if set, called for each kept mail before it is acknowledged
}

// SMTP is a real SMTP server that keeps what it receives, and that refuses,
// stalls or cuts wherever it is told to. It knows PLAIN, LOGIN, CRAM-MD5,
// XOAUTH2, SCRAM-SHA-1, SCRAM-SHA-256 and, on TLS 1.3, their -PLUS variants.
type SMTP struct {
	options  SMTPOptions
	listener *smtpListener
	server   *gosmtp.Server
	tls      *tls.Config
	pool     *x509.CertPool
	served   chan struct{}

	mu       sync.Mutex
	faults   []*smtpFaultCounter
	strikes  int
	mails    []Mail
	commands []SMTPCommand
}

// SMTPCommand is one command that a client sent.
type SMTPCommand struct {
	Conn int    // the connection, counted from 1
	Line string // the command without CRLF; of AUTH only the mechanism
}

// StartSMTP listens and serves until [SMTP.Close].
func StartSMTP(options SMTPOptions) (*SMTP, error) {
	if options.Now == nil {
		return nil, errors.New("start SMTP catcher: no clock")
	}
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	if options.TLS == "" {
		options.TLS = SMTPPlain
	}
	s := &SMTP{options: options, served: make(chan struct{})}
	s.SetFaults(options.Faults...)
	switch options.TLS {
	case SMTPPlain:
	case SMTPStartTLS, SMTPImplicit:
		certificate, pool, err := newCertificate()
		if err != nil {
			return nil, fmt.Errorf("start SMTP catcher: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		s.pool = pool
	default:
		return nil, fmt.Errorf("start SMTP catcher: unknown TLS mode %q", options.TLS)
	}
	tcp, err := net.Listen("tcp", options.Addr)
	if err != nil {
		return nil, fmt.Errorf("start SMTP catcher: %w", err)
	}
	s.listener = newSMTPListener(tcp, s)
	s.server = gosmtp.NewServer(gosmtp.BackendFunc(s.newSession))
	s.server.Domain = "smtp.sandbox.invalid"
	s.server.ErrorLog = log.New(io.Discard, "", 0)
	// TLS ends in smtpConn, so the server believes that every connection is
	// plain; the session decides when AUTH is offered.
	s.server.AllowInsecureAuth = true
	s.server.EnableSMTPUTF8 = options.UTF8
	s.server.EnableDSN = true
	go func() {
		defer close(s.served)
		_ = s.server.Serve(s.listener) // ends with the listener
	}()
	return s, nil
}

// Addr returns the host and the port to connect to.
func (s *SMTP) Addr() (host string, port int) {
	addr := s.listener.Addr().(*net.TCPAddr)
	return addr.IP.String(), addr.Port
}

// CertPool trusts the server's certificate; nil without TLS.
func (s *SMTP) CertPool() *x509.CertPool { return s.pool }

// CertificatePEM returns the certificate, for a program that trusts the file
// that SSL_CERT_FILE names; nil without TLS.
func (s *SMTP) CertificatePEM() []byte {
	if s.tls == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.tls.Certificates[0].Certificate[0]})
}

// Mails returns the mails kept so far, oldest first.
func (s *SMTP) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Commands returns the commands received so far, oldest first.
func (s *SMTP) Commands() []SMTPCommand {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Connections returns how many connections were made so far, with those that
// were one too many.
func (s *SMTP) Connections() int { return s.listener.accepted() }

// Strikes returns how many faults have happened so far.
func (s *SMTP) Strikes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strikes
}

// Forget drops the mails and commands that came so far, which a test that runs
// for long does not want to keep.
func (s *SMTP) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails, s.commands = nil, nil
}

// Disconnect closes the connections that are open now, as a server does with
// idle ones, and goes on listening.
func (s *SMTP) Disconnect() { s.listener.disconnect() }

// Settle waits until no connection is open any more. What a client that died had
// sent by then has been read, and is kept or dropped.
func (s *SMTP) Settle() { s.listener.settle() }

// SetFaults replaces the planned faults and their counts; none mends the
// server. Connections that already stall stay so.
func (s *SMTP) SetFaults(faults ...SMTPFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, fault := range faults {
		s.faults = append(s.faults, &smtpFaultCounter{SMTPFault: fault})
	}
}

// Close cuts all connections, stops listening and waits for all goroutines.
func (s *SMTP) Close() error {
	err := s.listener.Close()
	<-s.served
	s.listener.disconnect()
	// Shutdown waits for the handlers; its own error only says that the
	// listener is closed already.
	_ = s.server.Shutdown(context.Background())
	return err
}

func (s *SMTP) keep(m Mail) {
	s.mu.Lock()
	s.mails = append(s.mails, m)
	s.mu.Unlock()
	if s.options.OnMail != nil {
		s.options.OnMail(m)
	}
}

func (s *SMTP) record(conn int, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, SMTPCommand{Conn: conn, Line: line})
}

// fault returns the first planned fault that is due at this passage of the
// stage, and counts the passage for all of them.
func (s *SMTP) fault(stage SMTPStage, recipient string) (SMTPFault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due *smtpFaultCounter
	for _, f := range s.faults {
		if f.passes(stage, recipient) && due == nil {
			due = f
		}
	}
	if due == nil {
		return SMTPFault{}, false
	}
	s.strikes++
	return due.SMTPFault, true
}
