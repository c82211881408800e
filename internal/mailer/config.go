package mailer

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	"alta/pipeline"
)

// The values of [Config].TLS.
const (
	TLSStart    = "starttls" // STARTTLS (RFC 3207), mandatory
	TLSImplicit = "implicit" // TLS from the first byte (RFC 8314)
	TLSNone     = "none"     // plain text
)

// dotTimeout is how long a server may take to say whether it has the mail. It
// may scan and deliver it meanwhile, and a client that gives up sooner sends
// the mail again (RFC 5321, section 4.5.3.2.6).
const dotTimeout = 10 * time.Minute

// Config says which server takes the mails, and whom they come from.
type Config struct {
	Host string
	Port int

	// TLS is TLSStart, TLSImplicit or TLSNone. TLS is at least 1.2, the
	// certificate must be valid for Host, and there is no way back to plain
	// text. TLSNone is refused unless Host is a loopback host or AllowPlaintext
	// is set.
	TLS            string
	AllowPlaintext bool

	// Username and Password log in; without a username there is no AUTH. Auth
	// is "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", one of
	// the latter two with "-plus", or "xoauth2" with the token as the password;
	// empty takes the strongest that the server offers, xoauth2 excepted.
	Username string
	Password pipeline.Secret
	Auth     string

	From    mail.Address
	ReplyTo mail.Address // none if its Address is empty

	// Connections is the most that are open for sending at a time, 1 if 0;
	// [Mailer.SetConnections] changes it. An idle one is closed after
	// IdleTimeout, 30 s if 0.
	Connections int
	IdleTimeout time.Duration

	// Timeout bounds connecting as a whole, and then each step of the SMTP
	// conversation by itself; 60 s if 0.
	Timeout time.Duration

	// DotTimeout bounds the wait for the answer to a whole mail, after the final
	// dot, in place of Timeout if that is shorter; 10 min if 0.
	DotTimeout time.Duration

	DKIM *DKIM // nil leaves mails unsigned

	// LocalName introduces this machine in EHLO; empty sends the address
	// literal of the connection (RFC 5321, section 4.1.4).
	LocalName string

	RootCAs *x509.CertPool // nil trusts the system's

	// Warn, if set, is told once, from any goroutine, in a plain sentence
	// without secrets, that the server takes fewer connections than
	// Connections. Mails still go out, on those that it takes.
	Warn func(reason string)
}

// checked returns the configuration with its defaults, or all that is wrong
// with it.
func (c Config) checked() (Config, error) {
	if c.Connections == 0 {
		c.Connections = 1
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 30 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 60 * time.Second
	}
	if c.DotTimeout == 0 {
		c.DotTimeout = dotTimeout
	}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Host == "" || strings.ContainsFunc(c.Host, isControl) {
		wrong("host: expected a host name or an IP address")
	}
	if c.Port < 1 || c.Port > 65535 {
		wrong("port: expected 1 to 65535, got %d", c.Port)
	}
	switch c.TLS {
	case TLSStart, TLSImplicit:
	case TLSNone:
		if !c.AllowPlaintext && !isLoopback(c.Host) {
			wrong("tls: %q would send links and the password in clear; it needs a loopback host or allow_plaintext = true", c.TLS)
		}
	default:
		wrong("tls: expected %q, %q or %q, got %q", TLSStart, TLSImplicit, TLSNone, c.TLS)
	}
	if c.Auth != "" && mechanismNamed(c.Auth) == "" {
		wrong("auth: unknown mechanism %q; known are %s", c.Auth, strings.ToLower(strings.Join(mechanisms(), ", ")))
	}
	if c.Username == "" && (c.Auth != "" || !c.Password.IsZero()) {
		wrong("username: a password or a mechanism needs one")
	}
	if c.Username != "" && c.Password.IsZero() {
		wrong("password: missing for user %q", c.Username)
	}
	if c.Connections < 0 {
		wrong("connections: expected at least 1, got %d", c.Connections)
	}
	if c.IdleTimeout < 0 || c.Timeout < 0 || c.DotTimeout < 0 {
		wrong("timeouts: expected positive durations")
	}
	if strings.ContainsFunc(c.LocalName, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong("local name: expected a host name, got %q", c.LocalName)
	}
	if _, err := parseAddress(c.From.Name, c.From.Address); err != nil {
		wrong("from: %w", err)
	}
	if c.ReplyTo.Address != "" {
		if _, err := parseAddress(c.ReplyTo.Name, c.ReplyTo.Address); err != nil {
			wrong("reply_to: %w", err)
		}
	}
	if c.DKIM != nil {
		if err := c.DKIM.check(); err != nil {
			wrong("dkim: %w", err)
		}
	}
	return c, errors.Join(errs...)
}

func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
