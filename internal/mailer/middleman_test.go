package mailer

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// middleman stands between alta and the mail server, as whoever holds the
// network can. Until both speak TLS it changes the server's lines at will.
type middleman struct {
	listener net.Listener
	change   func(line string, in phase) string
	served   sync.WaitGroup

	mu    sync.Mutex
	clear bytes.Buffer // what alta has sent, before TLS and as TLS
}

// phase is what the server's line belongs to.
type phase int

const (
	greeting phase = iota
	offers         // the answer to EHLO
	goAhead        // the answer to STARTTLS
)

// startMiddleman listens in front of the catcher until the test ends.
func startMiddleman(t *testing.T, s *sandbox.SMTP, change func(line string, in phase) string) (*middleman, Config) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &middleman{listener: listener, change: change}
	cfg := configFor(s)
	upstream := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	m.served.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			m.served.Go(func() {
				_, _ = io.Copy(server, io.TeeReader(client, m))
				_ = server.Close()
			})
			m.served.Go(func() {
				m.answer(client, server)
				_ = client.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		m.served.Wait()
	})
	cfg.Port = listener.Addr().(*net.TCPAddr).Port
	return m, cfg
}

// answer carries the server's lines to alta, changed, up to the answer to
// STARTTLS, and then whatever comes.
func (m *middleman) answer(client io.Writer, server io.Reader) {
	lines := bufio.NewReader(server)
	for in := greeting; in <= goAhead; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(client, m.change(line, in)); err != nil {
			return
		}
		if len(line) > 3 && line[3] == ' ' {
			in++
		}
	}
	_, _ = io.Copy(client, lines)
}

// Write keeps what alta has sent.
func (m *middleman) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clear.Write(p)
}

// verbs are the first words of the lines that alta has sent in clear.
func (m *middleman) verbs() (verbs []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for line := range strings.Lines(m.clear.String()) {
		if !strings.HasSuffix(line, "\r\n") || strings.ContainsFunc(line[:len(line)-2], isControl) {
			return verbs // TLS
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		verbs = append(verbs, verb)
	}
	return verbs
}

// Whoever holds the network can end the conversation, but gets neither the
// password nor a mail, and decides neither whether there is TLS nor how alta
// logs in.
func TestAManInTheMiddleGetsNothing(t *testing.T) {
	honest := func(line string, _ phase) string { return line }
	for _, c := range []struct {
		sentence string
		mode     string
		auth     string // the setting smtp.auth
		change   func(line string, in phase) string
		code     string   // of the fault; "" sends the mail
		clear    []string // what alta says in clear
	}{
		{"One who only listens sees no login.", TLSStart, "", honest, "", []string{"EHLO", "STARTTLS"}},
		{
			"Taking STARTTLS out of the offers ends it.", TLSStart, "",
			func(line string, _ phase) string { return strings.Replace(line, "STARTTLS", "X-NOTHING", 1) },
			"smtp.starttls_missing", []string{"EHLO"},
		},
		{
			"So does refusing STARTTLS in the server's name.", TLSStart, "",
			func(line string, in phase) string {
				if in == goAhead {
					return "454 4.7.0 TLS not available\r\n"
				}
				return line
			},
			"smtp.4.7.0", []string{"EHLO", "STARTTLS"},
		},
		{
			"What is offered before TLS is forgotten.", TLSStart, "",
			func(line string, in phase) string {
				if in == offers {
					return strings.NewReplacer("AUTH ", "X-AUTH ", "STARTTLS", "AUTH PLAIN\r\n250-STARTTLS").Replace(line)
				}
				return line
			},
			"", []string{"EHLO", "STARTTLS"},
		},
		{
			"So is an answer that comes with the go-ahead, for the EHLO inside.", TLSStart, "",
			func(line string, in phase) string {
				if in == goAhead {
					return line + "250-mail.example\r\n250 AUTH PLAIN\r\n"
				}
				return line
			},
			"", []string{"EHLO", "STARTTLS"},
		},
		{
			"An answer ahead of its question ends it.", TLSStart, "",
			func(line string, in phase) string {
				if in == offers && line[3] == ' ' {
					return line + "220 2.0.0 Ready to start TLS\r\n"
				}
				return line
			},
			"smtp.reply", []string{"EHLO"},
		},
		{
			"Without TLS, a login that is configured is not replaced by a weaker one.", TLSNone, "scram-sha-256",
			func(line string, _ phase) string { return strings.Replace(line, " SCRAM-SHA-256", "", 1) },
			"smtp.auth_missing", []string{"EHLO"},
		},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{
				TLS: c.mode, Username: "ana@example.com", Password: password, Mechanisms: []string{"SCRAM-SHA-256", "PLAIN"},
			})
			m, cfg := startMiddleman(t, s, c.change)
			cfg.TLS, cfg.Auth = c.mode, c.auth
			cfg.Username, cfg.Password = "ana@example.com", pipeline.NewSecret(password)
			_, begun, err := send(newMailer(t, cfg), delivery("jose@example.com"))
			if c.code == "" {
				if err != nil || begun != 1 || len(s.Mails()) != 1 || !s.Mails()[0].TLS {
					t.Errorf("%v, begun %d times, %d mails", err, begun, len(s.Mails()))
				}
				login := slices.IndexFunc(s.Commands(), func(said sandbox.SMTPCommand) bool { return said.Line == "AUTH SCRAM-SHA-256" })
				if login < 0 {
					t.Errorf("alta said %v", s.Commands())
				}
			} else {
				wantOutage(t, err, c.code, begun)
			}
			if got := m.verbs(); !slices.Equal(got, c.clear) {
				t.Errorf("in clear alta said %v, want %v", got, c.clear)
			}
		})
	}
}

// TLS older than 1.2 is refused (RFC 8996), however good the certificate.
func TestOldTLSIsRefused(t *testing.T) {
	web := httptest.NewTLSServer(nil) // only for its certificate
	web.Close()
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	for _, c := range []struct {
		version uint16
		code    string
	}{
		{tls.VersionTLS10, "smtp.tls"},
		{tls.VersionTLS11, "smtp.tls"},
		{tls.VersionTLS12, "smtp.connection"}, // it speaks no SMTP inside
	} {
		t.Run(tls.VersionName(c.version), func(t *testing.T) {
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
				Certificates: web.TLS.Certificates, MinVersion: c.version, MaxVersion: c.version,
			})
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			served.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_ = conn.(*tls.Conn).Handshake()
				_ = conn.Close()
			})
			cfg := offline(t).config
			cfg.Host, cfg.Port, cfg.TLS, cfg.RootCAs = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, TLSImplicit, pool
			_, begun, err := send(newMailer(t, cfg), delivery("jose@example.com"))
			wantOutage(t, err, c.code, begun)
			_ = listener.Close()
			served.Wait()
		})
	}
}

// wantOutage expects that nothing was sent because of the server.
func wantOutage(t *testing.T, err error, code string, begun int) {
	t.Helper()
	if f, is := errors.AsType[*pipeline.Fault](err); !is || f.Kind != pipeline.Outage || f.Code != code || begun != 0 {
		t.Errorf("got %v, begun %d times, want an outage with the code %s", err, begun, code)
	}
}
