package mailer

import (
	"bytes"
	"encoding/binary"
)

// outgoing is a mail as it goes over the wire.
type outgoing struct {
	from, to string // paths, in angle brackets
	raw      []byte // the message before dot-stuffing; the bytes behind it are the mailer's
	redact   redaction
}

// maxWrite is about the most bytes of a message in one write.
const maxWrite = 64 << 10

// dot ends a message.
const dot = ".\r\n"

// envelope is the first of the commands before a message; they go up to DATA. A
// connection that was kept is reset first: that wipes what a refused mail may have
// left, and a server that has ended the connection meanwhile, or is out of step,
// says so to a command that is about nobody.
func (c *connection) envelope() step {
	if c.kept {
		return atRSET
	}
	return atMAIL
}

// propose writes the whole envelope at once, which a server that offers
// PIPELINING allows (RFC 2920, section 3.1), also while the answer to another
// mail's final dot is still to come. The answers are for [connection.agree]. An
// envelope alone delivers nothing, however it is cut off (RFC 5321, section
// 4.1.1.4).
func (c *connection) propose(m outgoing) error {
	c.buffer = c.buffer[:0]
	for at := c.envelope(); at <= atDATA; at++ {
		c.buffer = c.appendCommand(c.buffer, at, m)
	}
	_, err := c.say(c.buffer)
	return err
}

// agree goes through the envelope; it returns nil when the server waits for the
// message. Without PIPELINING it writes each command when the one before it is
// answered. A failure that leaves the state of the connection unknown closes
// it.
//
// After a refusal the answers to the commands that are out already are read,
// and don't count. Should DATA be among them and succeed all the same, without a
// recipient or with one that the server lost track of, the connection is closed.
// RFC 2920 would end the empty message with a dot, but a server in that state
// might deliver it; one that refuses DATA, as it should, never gets here.
func (c *connection) agree(m outgoing) *failure {
	c.carried = true
	var refused *failure
	for at := c.envelope(); at <= atDATA; at++ {
		if !c.pipelining {
			c.buffer = c.appendCommand(c.buffer[:0], at, m)
			if _, err := c.say(c.buffer); err != nil {
				c.drop()
				return &failure{step: at, err: err, redact: m.redact}
			}
		}
		f := c.answer(at, m)
		switch {
		case f != nil && (!f.refused() || f.reply.code == 421 || at == atRSET):
			c.drop()
			if refused == nil {
				refused = f
			}
			return refused
		case f == nil && refused != nil && at == atDATA:
			c.drop()
			return refused
		case f != nil && refused == nil:
			refused = f
		}
		// What is unasked shows after each answer, or with PIPELINING after the
		// last one. From here on the server may not have said anything.
		if !c.pipelining || at == atDATA {
			if c.surplus() {
				c.drop()
				if refused == nil {
					refused = &failure{step: at, err: errUnasked, redact: m.redact}
				}
			}
			if refused != nil {
				return refused
			}
		}
	}
	return nil
}

// answer reads the answer to a command of the envelope.
func (c *connection) answer(at step, m outgoing) *failure {
	code, text, err := c.hear()
	switch {
	case err != nil:
		return &failure{step: at, err: err, redact: m.redact}
	case code/100 == 2 && at != atDATA, code == 354 && at == atDATA:
		return nil
	}
	said := newReply(code, text, m.redact)
	return &failure{step: at, reply: &said, redact: m.redact}
}

// transfer writes the message and the final dot. It fails only when the dot
// can't have left, so that the server has no complete mail; whether a dot that
// may have left got there, only the answer tells. No command follows a message
// that was not written as a whole: any, even QUIT, would end it, and a truncated
// mail would be sent.
func (c *connection) transfer(m outgoing) *failure {
	if len(m.raw) <= maxWrite && bytes.HasSuffix(m.raw, []byte("\r\n")) && !mayHaveDots(m.raw) {
		return c.finish(append(m.raw, dot...), m) // as every mail of this package is
	}
	out := c.buffer[:0]
	if bytes.HasPrefix(m.raw, []byte(".")) {
		out = append(out, '.')
	}
	for rest := m.raw; len(rest) > 0; {
		line := bytes.Index(rest, []byte("\n."))
		piece := rest[:line+1] // up to a line that begins with a dot
		if line < 0 {
			piece = rest
		}
		rest = rest[len(piece):]
		for len(out)+len(piece) > maxWrite {
			now := max(0, maxWrite-len(out))
			out = append(out, piece[:now]...)
			piece = piece[now:]
			if _, err := c.say(out); err != nil {
				return c.brokenOff(err, m)
			}
			out = out[:0]
		}
		out = append(out, piece...)
		if len(rest) > 0 {
			out = append(out, '.')
		}
	}
	if !bytes.HasSuffix(m.raw, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	out = append(out, dot...)
	c.buffer = out
	return c.finish(out, m)
}

// finish writes the last of a message, which ends with the dot.
func (c *connection) finish(out []byte, m outgoing) *failure {
	if left, err := c.say(out); err != nil && left <= len(out)-len(dot) {
		return c.brokenOff(err, m)
	}
	return nil
}

// mayHaveDots tells whether a line may begin with a dot, which would have to be
// doubled. It looks at eight places at a time, and is wrong at most where one of
// them does have such a line.
func mayHaveDots(raw []byte) bool {
	const (
		ones = 0x0101010101010101
		tops = 0x80 * ones
	)
	if bytes.HasPrefix(raw, []byte(".")) {
		return true
	}
	at := 0
	for ; at+9 <= len(raw); at += 8 {
		ends := binary.LittleEndian.Uint64(raw[at:]) ^ '\n'*ones
		dots := binary.LittleEndian.Uint64(raw[at+1:]) ^ '.'*ones
		// A byte of both is zero where a line ends and the next begins with a dot.
		if both := ends | dots; (both-ones)&^both&tops != 0 {
			return true
		}
	}
	return bytes.Contains(raw[at:], []byte("\n."))
}

// brokenOff is the end of a connection in the middle of a message.
func (c *connection) brokenOff(err error, m outgoing) *failure {
	f := &failure{step: atBody, err: err, reply: c.lastWords(err, m.redact), redact: m.redact}
	c.drop()
	return f
}

// verdict waits for the answer to the final dot. Any 2yz is a completion (RFC
// 5321, section 4.2.1).
func (c *connection) verdict(m outgoing) (reply, *failure) {
	err := c.await()
	var code int
	var text string
	if err == nil {
		code, text, err = c.hear()
	}
	if err != nil {
		c.drop()
		return reply{}, &failure{step: atDot, err: err, redact: m.redact}
	}
	said := newReply(code, text, m.redact)
	if code/100 == 2 {
		return said, nil
	}
	f := &failure{step: atDot, reply: &said, redact: m.redact}
	if !f.refused() || code == 421 {
		c.drop()
	}
	return reply{}, f
}

func (c *connection) appendCommand(line []byte, at step, m outgoing) []byte {
	switch at {
	case atRSET:
		line = append(line, "RSET"...)
	case atMAIL:
		line = append(line, "MAIL FROM:"...)
		line = append(line, m.from...)
		line = append(line, c.parameters...)
	case atRCPT:
		line = append(line, "RCPT TO:"...)
		line = append(line, m.to...)
	default:
		line = append(line, "DATA"...)
	}
	return append(line, "\r\n"...)
}
