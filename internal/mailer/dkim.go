package mailer

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/wneessen/go-mail"
)

// maxDKIMName is the longest domain or selector. A longer one would make the
// library fold the signature inside a name, and no verifier could check it.
const maxDKIMName = 70

var dkimName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

// DKIM signs mails (RFC 6376) with relaxed canonicalization of header and
// body; the time of the signature is the Date of the mail.
type DKIM struct {
	Domain   string // the d= tag, at most 70 bytes
	Selector string // the s= tag, at most 70 bytes
	Key      crypto.Signer
}

// ParseDKIMKey reads a private key in PEM: RSA of at least 1024 bits (RFC
// 8301) in PKCS #1 or PKCS #8, or Ed25519 (RFC 8463) in PKCS #8.
func ParseDKIMKey(pem []byte) (crypto.Signer, error) {
	key, err := mail.PrivKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("read DKIM key: %w", err)
	}
	if err := checkDKIMKey(key); err != nil {
		return nil, fmt.Errorf("read DKIM key: %w", err)
	}
	return key, nil
}

func (d *DKIM) check() error {
	for _, name := range []struct{ what, value string }{{"domain", d.Domain}, {"selector", d.Selector}} {
		if len(name.value) > maxDKIMName || !dkimName.MatchString(name.value) {
			return fmt.Errorf("%s: expected a DNS name of at most %d bytes, got %q", name.what, maxDKIMName, name.value)
		}
	}
	return checkDKIMKey(d.Key)
}

// signer returns a fresh signer: the library's own is not safe for concurrent
// use. The signed headers fill one line of the h= tag; one more name and the
// library would fold inside it. Auto-Submitted is left out for that reason.
func (d *DKIM) signer(now func() time.Time) *mail.DKIMSigner {
	s := mail.NewDKIMSigner(d.Domain, d.Selector, d.Key)
	s.NowFunc = now
	s.SignHeaders("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type")
	return s
}

func checkDKIMKey(key crypto.Signer) error {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return nil
	case *rsa.PrivateKey:
		if key.N.BitLen() < 1024 {
			return errors.New("an RSA key needs at least 1024 bits")
		}
		return nil
	default:
		return errors.New("expected an RSA or Ed25519 private key")
	}
}
