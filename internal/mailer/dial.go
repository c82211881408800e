package mailer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"

	"github.com/wneessen/go-mail/smtp"

	"alta/internal/crash"
)

var (
	errNoStartTLS = errors.New("the server does not offer STARTTLS")
	errNoAuth     = errors.New("the server does not offer AUTH")
)

// dialer opens connections that are secured and logged in. It drives the steps
// of go-mail's SMTP client one by one: that way the step that failed is known,
// PLAIN is found behind implicit TLS too, and a failed step leaks no socket.
type dialer struct {
	config Config
	tls    *tls.Config
	redact redaction // of the login
}

func newDialer(cfg Config) dialer {
	return dialer{
		config: cfg,
		tls: &tls.Config{
			ServerName: cfg.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12,
		},
		redact: redactionOfLogin(cfg.Username, cfg.Password.Reveal()),
	}
}

// dial returns a fresh connection, or a failure, or the fault of a stop. All of it must happen within the
// configured time-out, and ctx can stop it.
func (d dialer) dial(parent context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeout(parent, d.config.Timeout)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(d.config.Host, strconv.Itoa(d.config.Port)))
	if err != nil {
		return nil, d.explain(parent, ctx, atConnect, err)
	}
	s := newSocket(crash.Conn("smtp", tcp))
	release := whenDone(ctx, s.hangUp)
	client, at, err := d.open(ctx, s)
	release()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = s.Close()
		return nil, d.explain(parent, ctx, at, err)
	}
	return newConnection(client, s, d.config.Timeout, max(d.config.DotTimeout, d.config.Timeout)), nil
}

// open goes from the banner to AUTH; on an error it says at which step.
func (d dialer) open(ctx context.Context, s *socket) (*smtp.Client, step, error) {
	var conn net.Conn = s
	if d.config.TLS == TLSImplicit {
		secure := tls.Client(s, d.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, atTLS, err
		}
		conn = secure
	}
	s.renew()
	client, err := smtp.NewClient(conn, d.config.Host)
	if err == nil {
		err = unasked(client)
	}
	if err != nil {
		return nil, atBanner, err
	}
	s.renew()
	if err := cmp.Or(client.Hello(d.localName(s)), unasked(client)); err != nil {
		return nil, atEHLO, err
	}
	if d.config.TLS == TLSStart {
		s.renew()
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return nil, atSTARTTLS, errNoStartTLS
		}
		if err := cmp.Or(client.StartTLS(d.tls), unasked(client)); err != nil {
			return nil, atSTARTTLS, err
		}
	}
	if d.config.Username != "" {
		s.renew()
		if err := cmp.Or(d.login(client), unasked(client)); err != nil {
			return nil, atAUTH, err
		}
	}
	return client, atAUTH, nil
}

func (d dialer) login(client *smtp.Client) error {
	offered, list := client.Extension("AUTH")
	if !offered {
		return errNoAuth
	}
	state, err := client.GetTLSConnectionState()
	if err != nil && !errors.Is(err, smtp.ErrNonTLSConnection) {
		return err
	}
	mechanism, err := chooseMechanism(d.config.Auth, list, state != nil)
	if err != nil {
		return &mechanismError{err}
	}
	return client.Auth(saslClient(mechanism, d.config, state))
}

func (d dialer) localName(s *socket) string {
	if d.config.LocalName != "" {
		return d.config.LocalName
	}
	addr, ok := s.LocalAddr().(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	if v4 := addr.IP.To4(); v4 != nil {
		return "[" + v4.String() + "]"
	}
	return "[IPv6:" + addr.IP.String() + "]"
}

// explain tells apart who ended the attempt: the caller, the time-out or the
// server.
func (d dialer) explain(parent, ctx context.Context, at step, err error) error {
	if errors.Is(parent.Err(), context.Canceled) {
		return cancelFault(parent.Err())
	}
	answer := replyIn(err, d.redact)
	if ctx.Err() != nil && answer == nil {
		err = ctx.Err()
	}
	return failure{step: at, err: err, reply: answer, redact: d.redact}
}
