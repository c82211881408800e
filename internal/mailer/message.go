package mailer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	netmail "net/mail"
	"regexp"
	"slices"
	"time"

	"github.com/wneessen/go-mail"

	"alta/pipeline"
)

// maxLine is the longest line of a message without its CRLF (RFC 5322,
// section 2.1.1).
const maxLine = 998

// messageID is an id-left and an id-right of RFC 5322 without quoting.
var messageID = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$")

// build writes the message. Everything in it comes from the message, the
// recipient and the configuration: no clock, no randomness.
func (m *Mailer) build(to address, message pipeline.Message) ([]byte, error) {
	subject, err := headerText(message.Subject)
	if err != nil {
		return nil, headerFault("the subject of the mail", err)
	}
	if !messageID.MatchString(message.ID) {
		return nil, headerFault("the Message-ID", errors.New("it is not an id of RFC 5322"))
	}
	msg := mail.NewMsg(
		mail.WithCharset(mail.CharsetUTF8),
		mail.WithEncoding(mail.EncodingQP),
		mail.WithBoundary(boundary(message)),
		mail.WithNoDefaultUserAgent(),
	)
	msg.FromMailAddress(&m.from.Address)
	msg.ToMailAddress(&to.Address)
	if m.config.ReplyTo.Address != "" {
		replyTo, err := parseAddress(m.config.ReplyTo.Name, m.config.ReplyTo.Address)
		if err != nil {
			return nil, headerFault("reply_to", err)
		}
		msg.ReplyToMailAddress(&netmail.Address{Name: replyTo.Name, Address: replyTo.Address.Address})
	}
	msg.Subject(subject)
	msg.SetMessageIDWithValue(message.ID)
	// The ledger may give the date back in another zone; UTC keeps a repeated
	// mail the same.
	msg.SetDateWithValue(message.Date.UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetBodyString(mail.TypeTextPlain, message.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, message.HTML)
	if m.config.DKIM != nil {
		msg.SetDKIM(m.config.DKIM.signer(func() time.Time { return message.Date }))
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		return nil, headerFault("the mail", err)
	}
	if err := checkWire(raw.Bytes()); err != nil {
		return nil, headerFault("the mail", err)
	}
	return raw.Bytes(), nil
}

// boundary derives the MIME boundary from the Message-ID and the content, so
// that a repeated mail is the same byte for byte, and so that no content can hold
// its own boundary.
func boundary(m pipeline.Message) string {
	sum := sha256.Sum256(slices.Concat([]byte("boundary of "+m.ID), m.Content.Digest()))
	return "alta-" + hex.EncodeToString(sum[:16])
}

// checkWire makes sure that the message can travel unchanged: lines end with
// CRLF only, and none is too long.
func checkWire(raw []byte) error {
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > maxLine {
			return errors.New("a header is longer than 998 bytes without a space")
		}
		if bytes.ContainsAny(line, "\r\n\x00") {
			return errors.New("a bare CR, LF or NUL")
		}
	}
	return nil
}
