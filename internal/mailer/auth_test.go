package mailer

import (
	"context"
	"strings"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

const password = "pässwörd, with = and ,"

func TestEveryMechanismLogsIn(t *testing.T) {
	for _, mode := range []string{TLSStart, TLSImplicit, TLSNone} {
		for _, mechanism := range mechanisms() {
			if mode == TLSNone && strings.HasSuffix(mechanism, "-PLUS") {
				continue
			}
			t.Run(mode+" "+mechanism, func(t *testing.T) {
				t.Parallel()
				s := startCatcher(t, sandbox.SMTPOptions{TLS: mode, Username: "ana@example.com", Password: password, Mechanisms: []string{mechanism}})
				cfg := configFor(s)
				cfg.TLS, cfg.Auth = mode, strings.ToLower(mechanism)
				cfg.Username, cfg.Password = "ana@example.com", pipeline.NewSecret(password)
				if err := newMailer(t, cfg).Check(context.Background()); err != nil {
					t.Fatal(err)
				}
				if mechanism != xoauth2 {
					cfg.Auth = "" // found by itself
					if _, _, err := send(newMailer(t, cfg), delivery("jose@example.com")); err != nil {
						t.Fatal(err)
					}
				}

				cfg.Auth, cfg.Password = strings.ToLower(mechanism), pipeline.NewSecret("wrong-"+password)
				_, begun, err := send(newMailer(t, cfg), delivery("jose@example.com"))
				f := pipeline.AsFault(err)
				if err == nil || f.Kind != pipeline.Outage || f.Code != "smtp.5.7.8" || begun != 0 {
					t.Errorf("a wrong password gave %v, code %s", err, f.Code)
				}
				if strings.Contains(err.Error(), "wrong-") {
					t.Errorf("the password is in %q", err)
				}
			})
		}
	}
}

func TestChooseMechanism(t *testing.T) {
	cases := []struct {
		name, configured, offered string
		secure                    bool
		want                      string // empty is an error
	}{
		{"the strongest is taken", "", "PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5", true, "SCRAM-SHA-256"},
		{"channel binding is stronger still", "", "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", true, "SCRAM-SHA-256-PLUS"},
		{"there is nothing to bind to without TLS", "", "SCRAM-SHA-256-PLUS PLAIN", false, "PLAIN"},
		{"a token is never tried as a password's stead", "", "XOAUTH2", true, ""},
		{"the configured one wins", "login", "PLAIN LOGIN SCRAM-SHA-256", true, "LOGIN"},
		{"the configured one must be offered", "cram-md5", "PLAIN LOGIN", true, ""},
		{"part of a name is no offer", "scram-sha-256", "SCRAM-SHA-256-PLUS", true, ""},
		{"names are compared without case", "plain", "plain", true, "PLAIN"},
		{"a server may offer nothing that is known", "", "GSSAPI NTLM", true, ""},
		{"a server may offer nothing at all", "", "", true, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := chooseMechanism(c.configured, c.offered, c.secure)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, error %v", got, err)
			}
		})
	}
}

func TestTLSIsNeverGivenUp(t *testing.T) {
	t.Run("a server without STARTTLS, or a stripped one, gets no mail", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{Username: "u", Password: "p"})
		cfg := configFor(s)
		cfg.TLS, cfg.Username, cfg.Password = TLSStart, "u", pipeline.NewSecret("p")
		_, begun, err := send(newMailer(t, cfg), delivery("jose@example.com"))
		if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Outage || f.Code != "smtp.starttls_missing" || begun != 0 {
			t.Errorf("got %v", err)
		}
		if got := verbsOf(s, 1); len(got) != 1 || got[0] != "EHLO" {
			t.Errorf("the server got %v", got)
		}
	})
	t.Run("a certificate that nobody trusts is refused", func(t *testing.T) {
		for _, mode := range []string{TLSStart, TLSImplicit} {
			s := startCatcher(t, sandbox.SMTPOptions{TLS: mode})
			cfg := configFor(s)
			cfg.TLS, cfg.RootCAs = mode, nil
			_, begun, err := send(newMailer(t, cfg), delivery("jose@example.com"))
			if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Outage || f.Code != "smtp.tls" || begun != 0 {
				t.Errorf("%s: got %v", mode, err)
			}
		}
	})
	t.Run("a certificate for another name is refused", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{TLS: TLSImplicit})
		d := newDialer(configFor(s))
		d.config.TLS, d.tls.ServerName = TLSImplicit, "other.example"
		c, err := d.dial(context.Background())
		if f := pipeline.AsFault(err); c != nil || err == nil || f.Code != "smtp.tls" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a server that offers no login is an outage", func(t *testing.T) {
		s := startCatcher(t, sandbox.SMTPOptions{})
		cfg := configFor(s)
		cfg.Username, cfg.Password = "u", pipeline.NewSecret("p")
		_, _, err := send(newMailer(t, cfg), delivery("jose@example.com"))
		if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Outage || f.Code != "smtp.auth_missing" {
			t.Errorf("got %v", err)
		}
	})
}
