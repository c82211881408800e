package mailer

import (
	"errors"
	"io"
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

// outgoing is a message as it goes over the wire, before dot-stuffing.
type outgoing struct {
	raw    []byte
	redact redaction // of the link in it, and of the login
}

// connection is a conversation with the server, ready for a transaction.
type connection struct {
	client   *smtp.Client
	socket   *socket
	timeout  time.Duration // of each step
	patience time.Duration // of the wait for the answer to a whole mail
	kept     bool          // it waited in the pool since its last mail
	broken   bool          // no further command may be sent
	expiry   *time.Timer
	redact   redaction // of the login, and of the link in the mail on its way
}

// alive asks the server whether it is still there. RSET does it, and wipes
// what a refused mail may have left.
func (c *connection) alive() bool {
	c.kept = true
	return c.do(atRSET, c.client.Reset) == nil
}

// transact sends one message. Errors are failures. It never sends a command
// after writing the message has failed: any command, even QUIT, would end the
// message first, and a truncated mail would be sent.
func (c *connection) transact(from, to address, m outgoing) (reply, error) {
	c.redact = m.redact
	c.client.SkipSMTPUTF8(true) // addresses are ASCII
	// A bounce with the full message would carry the link back to us.
	c.client.SetDSNMailReturnOption("HDRS")
	if err := c.do(atMAIL, func() error { return c.client.Mail(from.path()) }); err != nil {
		return reply{}, err
	}
	if err := c.do(atRCPT, func() error { return c.client.Rcpt(to.path()) }); err != nil {
		return reply{}, err
	}
	var data io.WriteCloser
	err := c.do(atDATA, func() error {
		writer, err := c.client.Data()
		if err == nil {
			data = writer.(*smtp.DataCloser).WriteCloser // the one inside doesn't wait for the answer
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	err = c.do(atBody, func() error {
		_, err := data.Write(m.raw)
		if err == nil {
			// The message must have left before the dot is written: an error up to
			// here means that the server has no complete mail.
			err = c.client.Text.W.Flush()
		}
		return c.lastWords(err)
	})
	if err != nil {
		return reply{}, err
	}
	accepted := reply{}
	err = c.do(atDot, func() error {
		_ = data.Close() // writes the dot; whether it got there, only the answer tells
		if err := c.await(); err != nil {
			return err
		}
		code, text, err := c.client.Text.ReadResponse(2) // any 2yz is a completion (RFC 5321, section 4.2.1)
		if err == nil {
			accepted = newReply(code, text, c.redact)
		}
		return err
	})
	if err == nil && unasked(c.client) != nil {
		c.drop() // the mail is sent; the next one takes another connection
	}
	return accepted, err
}

// do runs one step with its own time-out and turns its error into a failure. A
// connection whose state is unknown afterwards, or that has a message begun and
// not ended, is closed at once.
func (c *connection) do(at step, command func() error) error {
	c.socket.renew()
	err := c.client.UpdateDeadline(c.timeout)
	if err == nil {
		err = command()
	}
	if err == nil && at < atDot {
		err = unasked(c.client)
	}
	if err == nil {
		return nil
	}
	f := failure{step: at, kept: c.kept, err: err, reply: replyIn(err, c.redact), redact: c.redact}
	if !f.refused() || f.reply.code == 421 || at == atBody || unasked(c.client) != nil {
		c.drop()
	}
	return f
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
		err := c.client.UpdateDeadline(min(left, turn))
		if err == nil {
			_, err = c.client.Text.R.Peek(1)
		}
		switch {
		case err == nil:
			return c.client.UpdateDeadline(c.timeout) // for the rest of it
		case left <= turn || !timedOut(err):
			return err
		}
	}
}

// lastWords returns the refusal that the server left before it hung up in
// mid-message, which tells more than the broken write; else err. A time-out is
// no end of the connection, so nothing is waited for.
func (c *connection) lastWords(err error) error {
	if err == nil || timedOut(err) {
		return err
	}
	_, _, said := c.client.Text.ReadResponse(250)
	if (failure{reply: replyIn(said, c.redact)}).refused() {
		return said
	}
	return err
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
	_ = c.socket.Close()
}

// unasked is the error of a server that has said more than it was asked. Its
// surplus would be taken for the answers to later commands, in the worst case
// for the one to the final dot of a mail that nobody took.
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
