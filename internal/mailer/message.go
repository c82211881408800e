package mailer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
)

// spare is what write leaves free behind a message, for the end of SMTP's data and
// the envelope of the next mail.
const spare = 512

// build returns the message in memory of its own.
func (m *Mailer) build(to address, message pipeline.Message) ([]byte, error) {
	draft := m.letterhead.draft()
	defer m.letterhead.putBack(draft)
	raw, err := m.write(draft, to, message)
	return bytes.Clone(raw), err
}

// write writes the message into the draft. Everything in it comes from the
// message, the recipient and the configuration: no clock, no randomness. The
// result is the draft's, with spare room behind it.
func (m *Mailer) write(draft *[]byte, to address, message pipeline.Message) ([]byte, error) {
	border := boundary(message)
	header, err := m.letterhead.appendHeader((*draft)[:0], to, message, border)
	if err != nil {
		return nil, err
	}
	raw := appendParts(append(header, "\r\n"...), message.Content, border)
	if m.config.DKIM != nil {
		header, body := raw[:len(header)], raw[len(header)+len("\r\n"):]
		signature, err := m.config.DKIM.sign(message, header, body)
		if err != nil {
			return nil, headerFault("the mail", err)
		}
		raw = slices.Insert(raw, 0, []byte(signature)...)
	}
	*draft = slices.Grow(raw, spare)
	return *draft, nil
}

// appendHeader appends the header without the empty line behind it.
func (l *letterhead) appendHeader(dst []byte, to address, message pipeline.Message, border string) ([]byte, error) {
	subject, err := headerText(message.Subject)
	if err != nil {
		return nil, headerFault("the subject of the mail", err)
	}
	if !isMessageID(message.ID) {
		return nil, headerFault("the Message-ID", errors.New("it is not an id of RFC 5322"))
	}
	dst = append(dst, "Auto-Submitted: auto-generated\r\nDate: "...) // RFC 3834
	// The ledger may give the date back in another zone; UTC keeps a repeated
	// mail the same.
	dst = message.Date.UTC().AppendFormat(dst, time.RFC1123Z)
	dst = append(dst, "\r\nMIME-Version: 1.0\r\nMessage-ID: <"...)
	dst = append(append(dst, message.ID...), ">\r\n"...)
	dst = appendText(dst, "Subject", subject)
	dst = append(dst, l.from...)
	dst = appendAddress(dst, "To", to)
	dst = append(dst, l.replyTo...)
	if dst, err = appendUnsubscribe(dst, message.Unsubscribe); err != nil {
		return nil, headerFault("the address to unsubscribe at", err)
	}
	dst = append(dst, "Content-Type: multipart/alternative;"+fold+"boundary="...)
	dst = append(append(dst, border...), "\r\n"...)
	if err := checkHeader(dst); err != nil {
		return nil, headerFault("the mail", err)
	}
	return dst, nil
}

// appendParts appends the text and the page as alternatives, of which a program
// shows the last that it can (RFC 2046, section 5.1.4).
func appendParts(dst []byte, content pipeline.Content, border string) []byte {
	for _, part := range []struct{ kind, content string }{{"text/plain", content.Text}, {"text/html", content.HTML}} {
		dst = append(append(dst, "--"...), border...)
		dst = append(dst, "\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: "...)
		dst = append(append(dst, part.kind...), "; charset=UTF-8\r\n\r\n"...)
		dst = append(appendQuotedPrintable(dst, part.content), "\r\n"...)
	}
	dst = append(append(dst, "--"...), border...)
	return append(dst, "--\r\n"...)
}

// boundary derives the MIME boundary from the Message-ID and the digest of the
// content, so that a repeated mail is the same byte for byte. It need not differ
// from all lines of the content: [appendQuotedPrintable] writes none that begins
// like a boundary.
func boundary(m pipeline.Message) string {
	digest := m.Digest
	if len(digest) == 0 { // no delivery's message: a test mail or a preview
		digest = m.Content.Digest()
	}
	var seed [256]byte
	sum := sha256.Sum256(append(append(append(seed[:0], "boundary of "...), m.ID...), digest...))
	return "alta-" + hex.EncodeToString(sum[:16])
}

// isMessageID tells whether id is an id-left and an id-right of RFC 5322 without
// quoting.
func isMessageID(id string) bool {
	left, right, found := strings.Cut(id, "@")
	return found && left != "" && right != "" &&
		!strings.ContainsFunc(left, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+/=?^_`{|}~.-", r) }) &&
		!strings.ContainsFunc(right, func(r rune) bool { return !isAlphanumeric(r) && r != '.' && r != '-' })
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}
