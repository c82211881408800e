package mailer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func newRSAKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// verify checks the one signature of a mail against the public key.
func verify(raw []byte, domain, selector string, public crypto.PublicKey) (*dkim.Verification, error) {
	record := ""
	switch public := public.(type) {
	case ed25519.PublicKey:
		record = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return nil, err
		}
		record = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	all, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			if name != selector+"._domainkey."+domain {
				return nil, errors.New("looked up " + name)
			}
			return []string{record}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, errors.New("not exactly one signature")
	}
	return all[0], all[0].Err
}

func TestSignaturesVerify(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("a", 35) + "." + strings.Repeat("b", 34)
	for _, c := range []struct {
		name             string
		key              crypto.Signer
		domain, selector string
	}{
		{"RSA", newRSAKey(t), "example.mx", "alta"},
		{"Ed25519", edKey, "example.mx", "alta"},
		{"the longest names", edKey, longest, longest},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{})
			cfg := configFor(s)
			cfg.Connections = 4
			cfg.DKIM = &DKIM{Domain: c.domain, Selector: c.selector, Key: c.key}
			m := newMailer(t, cfg)
			var senders sync.WaitGroup
			for range 4 {
				senders.Go(func() {
					if _, _, err := send(m, delivery("jose@example.com")); err != nil {
						t.Error(err)
					}
				})
			}
			senders.Wait()
			mails := s.Mails()
			for _, got := range mails {
				if !bytes.Equal(got.Raw, mails[0].Raw) {
					t.Error("a repeated mail is signed differently")
				}
			}
			v, err := verify(mails[0].Raw, c.domain, c.selector, c.key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if !v.Time.Equal(noon()) {
				t.Errorf("signed at %v", v.Time)
			}
			if diff := cmp.Diff(append(signedFields(), signedFields()...), v.HeaderKeys); diff != "" {
				t.Errorf("signed fields (-want +got):\n%s", diff)
			}
			for _, change := range [][2]string{{"jose@example.com", "jose@example.org"}, {"larga", "corta"}} {
				forged := bytes.Replace(mails[0].Raw, []byte(change[0]), []byte(change[1]), 1)
				if _, err := verify(forged, c.domain, c.selector, c.key.Public()); err == nil {
					t.Errorf("%q for %q verifies", change[1], change[0])
				}
			}
		})
	}
}

// Whatever a mail says, its signature verifies and stands above the same bytes
// that an unsigned mail has.
func TestASignatureIsPutAboveTheSameMail(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Host: "mail.example", Port: 587, TLS: TLSStart, From: mail.Address{Name: "Banco Ñandú, S.A.", Address: "hola@example.mx"}}
	unsigned, err := New(cfg, noon)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DKIM = &DKIM{Domain: "example.mx", Selector: "alta", Key: key}
	signed, err := New(cfg, noon)
	if err != nil {
		t.Fatal(err)
	}
	built := 0
	rapid.Check(t, func(t *rapid.T) {
		d := delivery("jose@example.com")
		d.User.Name = rapid.OneOf(rapid.Just("Ana"), rapid.String(), smuggled()).Draw(t, "name")
		d.Message.Subject = rapid.OneOf(rapid.Just("¡Hola!"), rapid.String(), smuggled()).Draw(t, "subject")
		d.Message.Text, d.Message.HTML = smuggled().Draw(t, "text"), smuggled().Draw(t, "page")
		want, err := unsigned.Build(d)
		got, signErr := signed.Build(d)
		if (err == nil) != (signErr == nil) {
			t.Fatalf("unsigned %v, signed %v", err, signErr)
		}
		if err != nil {
			return
		}
		built++
		if field, same := bytes.CutSuffix(got, want); !same || !bytes.HasPrefix(field, []byte("DKIM-Signature: ")) {
			t.Fatalf("signed %q, unsigned %q", got, want)
		}
		if _, err := verify(got, "example.mx", "alta", key.Public()); err != nil {
			t.Fatalf("%v: %q", err, got)
		}
	})
	if built == 0 {
		t.Error("no mail was built, so nothing was shown")
	}
}

// A verifier takes the fields that h= names from the bottom up, one for each time
// that a name stands there, so a field of the same name fails wherever it is added.
func TestAnAddedHeaderFieldBreaksTheSignature(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(replyTo string, d *pipeline.Delivery) []byte {
		t.Helper()
		m, err := New(Config{
			Host: "mail.example", Port: 587, TLS: TLSStart,
			From: mail.Address{Name: "Banco", Address: "hola@example.mx"}, ReplyTo: mail.Address{Address: replyTo},
			DKIM: &DKIM{Domain: "example.mx", Selector: "alta", Key: key},
		}, noon)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := m.Build(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, c := range []struct{ sentence, field, replyTo string }{
		{"another sender", "From: Banco <mal@example.org>", ""},
		{"another subject", "Subject: Gana un premio", ""},
		{"another subject in small letters", "subject: Gana un premio", ""},
		{"another recipient", "To: ana@example.com", ""},
		{"another date", "Date: Tue, 03 Mar 2026 12:00:00 +0000", ""},
		{"another Message-ID", "Message-ID: <x@example.org>", ""},
		{"another version of MIME", "MIME-Version: 1.0", ""},
		{"another content type, which would show other parts", "Content-Type: text/html", ""},
		{"a second address for answers", "Reply-To: mal@example.org", "ayuda@example.mx"},
		{"a first address for answers", "Reply-To: mal@example.org", ""},
		{"another address to unsubscribe at", "List-Unsubscribe: <https://mal.example/u/x>", ""},
		{"another body to unsubscribe with", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			mails := []*pipeline.Delivery{delivery("jose@example.com"), reminder("jose@example.com")}
			if strings.HasPrefix(c.field, "List-") {
				mails = mails[1:]
			}
			for _, d := range mails {
				raw := signed(c.replyTo, d)
				if _, err := verify(raw, "example.mx", "alta", key.Public()); err != nil {
					t.Fatal(err)
				}
				head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
				for where, forged := range map[string]string{
					"above":  c.field + "\r\n" + string(raw),
					"below":  string(head) + "\r\n" + c.field + "\r\n\r\n" + string(body),
					"folded": string(head) + "\r\n" + strings.Replace(c.field, ": ", ":\r\n ", 1) + "\r\n\r\n" + string(body),
				} {
					if _, err := verify([]byte(forged), "example.mx", "alta", key.Public()); err == nil {
						t.Errorf("%q %s the others verifies", c.field, where)
					}
				}
			}
		})
	}
}

// Fields that servers add on the way leave the signature valid.
func TestTraceFieldsLeaveTheSignatureValid(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.DKIM = &DKIM{Domain: "example.mx", Selector: "alta", Key: key}
	raw, err := newMailer(t, cfg).Build(delivery("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	traced := "Received: from a by b; Mon, 02 Mar 2026 12:00:01 +0000\r\nReturn-Path: <hola@example.mx>\r\n" + string(raw)
	if _, err := verify([]byte(traced), "example.mx", "alta", key.Public()); err != nil {
		t.Error(err)
	}
}

func TestParseDKIMKey(t *testing.T) {
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := newRSAKey(t)
	for _, c := range []struct {
		name string
		pem  []byte
		ok   bool
	}{
		{"Ed25519 in PKCS #8", pkcs8(edKey), true},
		{"RSA in PKCS #8", pkcs8(rsaKey), true},
		{"RSA in PKCS #1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}), true},
		{"ECDSA is no DKIM key", pkcs8(ecKey), false},
		{"a public key is no private key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), false},
		{"garbage", []byte("garbage"), false},
		{"nothing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := ParseDKIMKey(c.pem)
			if (err == nil) != c.ok || (key != nil) != c.ok {
				t.Errorf("key %T, error %v", key, err)
			}
		})
	}
}
