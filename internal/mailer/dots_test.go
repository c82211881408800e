package mailer

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"alta/internal/sandbox"
)

// No mail that is built has a line with a dot at its start, but what carries it
// doesn't rely on that: a dot that was forgotten would end the mail.
func TestADotAtTheStartOfALineIsDoubledOnTheWire(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	raw := []byte("Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n")
	if _, err := m.transmit(context.Background(), letter(raw), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	mails := s.Mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	if want := []byte("Subject: dots\r\n\r\n..\r\n...\r\n..a\r\nb.\r\n"); !bytes.Equal(mails[0].Wire, want) || !bytes.Equal(mails[0].Raw, raw) {
		t.Errorf("on the wire %q, arrived %q", mails[0].Wire, mails[0].Raw)
	}
}

func TestMayHaveDots(t *testing.T) {
	for _, before := range []string{"", "x", "seven.7", "12345678", "123456789", strings.Repeat("x.\r\n", 9)} {
		for _, text := range []string{"", ".", "a.", "\n.", "\n", ".\n", "a\n\n.", "a\n..", "\n\n/", "\v.", "\n\xae"} {
			for _, after := range []string{"", "\r\n", ".\r\n", strings.Repeat("x.\r\n", 9)} {
				raw := before + text + after
				if got, want := mayHaveDots([]byte(raw)), strings.HasPrefix(raw, ".") || strings.Contains(raw, "\n."); got != want {
					t.Errorf("%q: got %t", raw, got)
				}
			}
		}
	}
}
