package mailer

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"alta/pipeline"
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

// String names the signature's key and hides it.
func (d DKIM) String() string { return "[DKIM key " + d.Selector + " of " + d.Domain + "]" }

// Format hides the key from every verb of package fmt.
func (d DKIM) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.String()) }

// LogValue hides the key from log/slog.
func (d DKIM) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText hides the key from encoders such as encoding/json.
func (d DKIM) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

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

// signedFields are the header fields that the signature of every mail covers. A mail
// has each at most once, and together they fill one line of the h= tag.
func signedFields() []string {
	return []string{"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type"}
}

// signedLines are the lines of the h= tag: each field twice. The first name of a
// further line stands on one above as well. Those of RFC 8058, section 4, are in
// the signature of a mail that has them, and no other mail's is changed by them.
func signedLines(unsubscribe bool) [][]string {
	fields := signedFields()
	if !unsubscribe {
		return [][]string{fields, fields}
	}
	const one, post = unsubscribeField, unsubscribePostField
	return [][]string{
		fields,
		{"From", one, post, "To", "Subject", "Date", "Message-ID"},
		{"Reply-To", "MIME-Version", "Content-Type", one, post},
	}
}

// foldedAt is after how many bytes the library breaks the h= tag, whatever
// stands there.
const foldedAt = 75

// sign returns the field DKIM-Signature with its CRLF, which goes above the
// header. The header is that of the message without the empty line behind it.
func (d *DKIM) sign(message pipeline.Message, header, body []byte) (string, error) {
	return d.signer(message.Date, !message.Unsubscribe.IsZero()).Sign(header, body)
}

// signer returns a fresh signer: the library's own is not safe for concurrent
// use.
//
// Each field is named once more than the mail has it (RFC 6376, sections 5.4.2
// and 8.15), so that nobody can add a second From or Subject, which some mail
// programs would show, to a mail that was signed and send it on: the signature
// fails then.
//
// The library signs the h= tag unfolded and writes it folded, and a break inside
// a name would make every signature fail. Therefore white space, which may stand
// before any name, fills the line up to the break; relaxed canonicalization
// reads both as one space. By a name with white space the library finds no field.
// It need not: the field was found by the same name on a line above.
func (d *DKIM) signer(date time.Time, unsubscribe bool) *mail.DKIMSigner {
	s := mail.NewDKIMSigner(d.Domain, d.Selector, d.Key)
	s.NowFunc = func() time.Time { return date }
	var names []string
	tag, gap := "h=", ""
	for _, line := range signedLines(unsubscribe) {
		names = append(append(names, gap+line[0]), line[1:]...)
		gap = strings.Repeat(" ", foldedAt-len(tag+strings.Join(line, ":")+":"))
		tag = ""
	}
	s.SignHeaders(names...)
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
