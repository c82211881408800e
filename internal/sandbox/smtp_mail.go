package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
)

// Mail is a mail that the catcher has kept. Its methods read the message as a
// mail program does.
type Mail struct {
	From   string   // the envelope sender
	To     []string // the envelope recipients
	Return string   // the RET parameter of MAIL FROM (RFC 3461), empty without
	Raw    []byte   // the message
	Wire   []byte   // the message as it came, dot-stuffed, without the final dot
	At     time.Time
	TLS    bool // received over TLS
	Conn   int  // the connection, counted from 1
}

// Subject returns the decoded subject.
func (m Mail) Subject() (string, error) { return m.Header("Subject") }

// Header returns the decoded value of a header field, empty if there is none.
func (m Mail) Header(name string) (string, error) {
	entity, err := message.Read(bytes.NewReader(m.Raw))
	if err != nil {
		return "", fmt.Errorf("read mail: %w", err)
	}
	value, err := entity.Header.Text(name)
	if err != nil {
		return "", fmt.Errorf("read mail: %w", err)
	}
	return value, nil
}

// Text returns the decoded text/plain part.
func (m Mail) Text() (string, error) { return m.part("text/plain") }

// HTML returns the decoded text/html part.
func (m Mail) HTML() (string, error) { return m.part("text/html") }

// Links returns the web addresses in the text/plain part, each once.
func (m Mail) Links() (links []string, err error) {
	text, err := m.Text()
	if err != nil {
		return nil, err
	}
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimRight(word, ".,;:)>")
		if (strings.HasPrefix(word, "https://") || strings.HasPrefix(word, "http://")) && !slices.Contains(links, word) {
			links = append(links, word)
		}
	}
	return links, nil
}

// part returns the first part of the type.
func (m Mail) part(want string) (string, error) {
	entity, err := message.Read(bytes.NewReader(m.Raw))
	if err != nil {
		return "", fmt.Errorf("read mail: %w", err)
	}
	var found []byte
	stop := errors.New("found")
	err = entity.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		if kind, _, err := e.Header.ContentType(); err != nil || kind != want {
			return err
		}
		if found, err = io.ReadAll(e.Body); err != nil {
			return err
		}
		return stop
	})
	switch {
	case errors.Is(err, stop):
		return string(found), nil
	case err != nil:
		return "", fmt.Errorf("read mail: %w", err)
	default:
		return "", fmt.Errorf("read mail: no %s part", want)
	}
}
