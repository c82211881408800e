package mailer

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

const xoauth2 = "XOAUTH2"

// mechanisms lists what alta can log in with, the strongest first.
func mechanisms() []string {
	return []string{
		"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1",
		"CRAM-MD5", "PLAIN", "LOGIN", xoauth2,
	}
}

// mechanismNamed returns the SASL name of a configured mechanism, empty if it
// is unknown.
func mechanismNamed(configured string) string {
	name := strings.ToUpper(configured)
	if !slices.Contains(mechanisms(), name) {
		return ""
	}
	return name
}

// chooseMechanism picks one that the server offers in its AUTH line (RFC
// 4954): the configured one, or else the strongest. XOAUTH2 wants a token
// instead of a password and is never picked by itself; neither is a -PLUS
// mechanism without TLS to bind to.
func chooseMechanism(configured, offered string, secure bool) (string, error) {
	offers := strings.Fields(strings.ToUpper(offered))
	if configured != "" {
		if name := mechanismNamed(configured); slices.Contains(offers, name) {
			return name, nil
		}
		return "", fmt.Errorf("the server does not offer %s", strings.ToUpper(configured))
	}
	for _, name := range mechanisms() {
		usable := name != xoauth2 && (secure || !strings.HasSuffix(name, "-PLUS"))
		if usable && slices.Contains(offers, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("the server offers no mechanism that alta knows")
}

// saslClient speaks the mechanism. Plain-text passwords on an insecure
// connection are decided by the configuration, which allows such a connection
// only to loopback hosts or when told to.
func saslClient(mechanism string, cfg Config, state *tls.ConnectionState) smtp.Auth {
	password := cfg.Password.Reveal()
	switch mechanism {
	case "SCRAM-SHA-256-PLUS":
		return smtp.ScramSHA256PlusAuth(cfg.Username, password, state)
	case "SCRAM-SHA-256":
		return smtp.ScramSHA256Auth(cfg.Username, password)
	case "SCRAM-SHA-1-PLUS":
		return smtp.ScramSHA1PlusAuth(cfg.Username, password, state)
	case "SCRAM-SHA-1":
		return smtp.ScramSHA1Auth(cfg.Username, password)
	case "CRAM-MD5":
		return smtp.CRAMMD5Auth(cfg.Username, password)
	case "PLAIN":
		return smtp.PlainAuth("", cfg.Username, password, cfg.Host, cfg.TLS == TLSNone)
	case "LOGIN":
		return smtp.LoginAuth(cfg.Username, password, cfg.Host, cfg.TLS == TLSNone)
	default:
		return smtp.XOAuth2Auth(cfg.Username, password)
	}
}
