package mailer

import (
	"bytes"
	"context"
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
