package mailer

import (
	"errors"
	"net"
	"net/textproto"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// maxQuit bounds the goodbye, which nobody should wait for.
const maxQuit = 5 * time.Second

// maxTurn is the longest turn of the wait for the answer to a whole mail.
const maxTurn = 5 * time.Second

var errUnasked = errors.New("the server gave more answers than it was asked for")

// connection is a conversation with the server, ready for a transaction. Two
// senders at most are on it: one who has written a whole mail and waits for the
// answer, and one behind, who writes the next envelope meanwhile and may not
// read yet. See [turn].
type connection struct {
	client   *smtp.Client
	socket   *socket
	timeout  time.Duration // of each step
	patience time.Duration // of the wait for the answer to a whole mail

	offers     bool   // the server offers PIPELINING
	pipelining bool   // and it is taken
	parameters string // of MAIL FROM

	// Whoever may write owns these.
	buffer  []byte
	kept    bool // it has waited for a mail
	carried bool // it has had an envelope

	broken bool // no further command may be sent; whoever reads owns it
	expiry *time.Timer

	// The pool's lock guards these.
	offered  bool      // the next sender may write: it is in [pool].ready
	followed bool      // a sender is behind
	spoiled  bool      // a sender who was behind has left commands there
	era      int       // of [muteness]
	next     chan bool // tells the sender behind: true to go on, false if the connection is lost
}

// newConnection takes over a client that is logged in, or need not be.
func newConnection(client *smtp.Client, s *socket, timeout, patience time.Duration) *connection {
	c := &connection{client: client, socket: s, timeout: timeout, patience: patience, next: make(chan bool, 1)}
	c.offers, _ = client.Extension("PIPELINING")
	if offered, _ := client.Extension("8BITMIME"); offered {
		c.parameters += " BODY=8BITMIME"
	}
	if offered, _ := client.Extension("DSN"); offered {
		// A bounce with the full message would carry the link back to us.
		c.parameters += " RET=HDRS"
	}
	return c
}

// say writes, within the time-out of a step. left is how many bytes have left
// this process at most. Above TLS a record that did not leave as a whole counts
// as if none of it had: without its end nobody can read it.
func (c *connection) say(p []byte) (left int, err error) {
	if err := c.socket.speak(c.timeout); err != nil {
		return 0, err
	}
	w := c.client.Text.W
	if left, err = w.Write(p); err == nil {
		err = w.Flush()
		left -= w.Buffered()
	}
	return left, err
}

// hear reads one reply, whatever its code, within the time-out of a step.
func (c *connection) hear() (code int, text string, err error) {
	if err := c.socket.listen(c.timeout); err != nil {
		return 0, "", err
	}
	return c.client.Text.ReadResponse(0)
}

// await waits for the first byte of the answer to a whole mail, and leaves it
// to be read. It waits in turns and counts them, because a deadline that passed
// while the process stood still (SIGSTOP, a paused machine) is reported before
// anybody looks whether an answer has come: a mail that was accepted would be
// in doubt and go out twice. So a pause costs one turn, however long it was; only
// in the last one it ends the wait. A time-out loses nothing of an answer: TLS
// keeps a record that is not whole yet.
func (c *connection) await() error {
	turn := min(c.patience/4, maxTurn)
	for left := c.patience; ; left -= turn {
		err := c.socket.listen(min(left, turn))
		if err == nil {
			_, err = c.client.Text.R.Peek(1)
		}
		switch {
		case err == nil:
			return nil
		case left <= turn || !timedOut(err):
			return err
		}
	}
}

// lastWords returns the refusal that the server left before it hung up in
// mid-message, which tells more than the broken write; nil if there is none. A
// time-out is no end of the connection, so nothing is waited for.
func (c *connection) lastWords(err error, redact redaction) *reply {
	if timedOut(err) {
		return nil
	}
	code, text, err := c.hear()
	if err != nil || code/100 != 4 && code/100 != 5 {
		return nil
	}
	said := newReply(code, text, redact)
	return &said
}

// quit says goodbye and closes.
func (c *connection) quit() {
	if !c.broken {
		c.socket.renew()
		if c.client.UpdateDeadline(min(c.timeout, maxQuit)) == nil {
			_ = c.client.Quit()
		}
	}
	c.drop()
}

// drop closes the socket without a word.
func (c *connection) drop() {
	c.broken = true
	c.socket.hangUp()
}

// surplus tells whether the server has said more than it was asked. It would
// be taken for the answers to later commands, in the worst case for the one to
// the final dot of a mail that nobody took.
func (c *connection) surplus() bool { return unasked(c.client) != nil }

// unasked is the error of a server that has said more than it was asked.
func unasked(client *smtp.Client) error {
	if client.Text.R.Buffered() > 0 {
		return errUnasked
	}
	return nil
}

// timedOut tells whether a deadline passed.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// replyIn returns the reply that an error of the SMTP client stands for.
func replyIn(err error, redact redaction) *reply {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		r := newReply(e.Code, e.Msg, redact)
		return &r
	}
	return nil
}
