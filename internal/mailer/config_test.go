package mailer

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/mail"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

func TestConfig(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		change func(*Config)
		want   string // part of the error; empty is accepted
	}{
		{"a server, a port, TLS and a sender are enough", func(*Config) {}, ""},
		{"a user needs a password", func(c *Config) { c.Username = "u" }, "password"},
		{"a password needs a user", func(c *Config) { c.Password = pipeline.NewSecret("p") }, "username"},
		{"a mechanism needs a user", func(c *Config) { c.Auth = "plain" }, "username"},
		{"a mechanism must be known", func(c *Config) {
			c.Username, c.Password, c.Auth = "u", pipeline.NewSecret("p"), "ntlm"
		}, "unknown mechanism"},
		{"a host is needed", func(c *Config) { c.Host = "" }, "host"},
		{"a port is needed", func(c *Config) { c.Port = 0 }, "port"},
		{"a port has a limit", func(c *Config) { c.Port = 65536 }, "port"},
		{"TLS must be one of three", func(c *Config) { c.TLS = "opportunistic" }, "tls"},
		{"TLS has no default", func(c *Config) { c.TLS = "" }, "tls"},
		{"no TLS is refused for a host on the net", func(c *Config) { c.TLS = TLSNone }, "tls"},
		{"no TLS is fine when told so", func(c *Config) { c.TLS, c.AllowPlaintext = TLSNone, true }, ""},
		{"no TLS is fine for localhost", func(c *Config) { c.TLS, c.Host = TLSNone, "localhost" }, ""},
		{"no TLS is fine for 127.0.0.2", func(c *Config) { c.TLS, c.Host = TLSNone, "127.0.0.2" }, ""},
		{"no TLS is fine for ::1", func(c *Config) { c.TLS, c.Host = TLSNone, "::1" }, ""},
		{"localhost as a part of a name is not loopback", func(c *Config) { c.TLS, c.Host = TLSNone, "localhost.example" }, "tls"},
		{"a sender is needed", func(c *Config) { c.From = mail.Address{} }, "from"},
		{"a sender must be an address", func(c *Config) { c.From.Address = "hola" }, "from"},
		{"a sender must be ASCII before the @", func(c *Config) { c.From.Address = "niño@example.mx" }, "from"},
		{"a sender's domain may be international", func(c *Config) { c.From.Address = "hola@ñandú.example" }, ""},
		{"a sender's name can't break out of its header", func(c *Config) { c.From.Name = "a\r\nBcc: x" }, "from"},
		{"reply_to must be an address", func(c *Config) { c.ReplyTo.Address = "hola" }, "reply_to"},
		{"connections can't be negative", func(c *Config) { c.Connections = -1 }, "connections"},
		{"time-outs can't be negative", func(c *Config) { c.Timeout = -time.Second }, "timeouts"},
		{"nor can the wait after the final dot", func(c *Config) { c.DotTimeout = -time.Second }, "timeouts"},
		{"the local name is one word", func(c *Config) { c.LocalName = "a b" }, "local name"},
		{"DKIM with all it needs", func(c *Config) { c.DKIM = &DKIM{Domain: "example.mx", Selector: "s1", Key: key} }, ""},
		{"DKIM needs a domain", func(c *Config) { c.DKIM = &DKIM{Selector: "s1", Key: key} }, "domain"},
		{"DKIM needs a selector", func(c *Config) { c.DKIM = &DKIM{Domain: "example.mx", Key: key} }, "selector"},
		{"DKIM needs a key", func(c *Config) { c.DKIM = &DKIM{Domain: "example.mx", Selector: "s1"} }, "key"},
		{"a DKIM name must be a DNS name", func(c *Config) { c.DKIM = &DKIM{Domain: "example.mx;", Selector: "s1", Key: key} }, "domain"},
		{"a DKIM name must fit a line", func(c *Config) {
			c.DKIM = &DKIM{Domain: strings.Repeat("a", 71), Selector: "s1", Key: key}
		}, "domain"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Host: "mail.example", Port: 587, TLS: TLSStart, From: mail.Address{Address: "hola@example.mx"}}
			c.change(&cfg)
			_, err := New(cfg, noon)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
