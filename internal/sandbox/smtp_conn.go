package sandbox

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
)

// smtpConn stands between the client and the SMTP server. It sees every
// command in clear before the server does, which is what lets a fault strike
// at any stage; for that it also ends TLS itself, STARTTLS included. Only the
// server's handler goroutine reads and writes; Close may come from anywhere.
type smtpConn struct {
	*net.TCPConn // addresses and deadlines
	listener     *smtpListener
	number       int
	transport    net.Conn // the TCP connection, or TLS on it
	reader       *bufio.Reader
	pending      []byte // read from the client, not yet by the server
	held         []byte // answered by the server, not yet sent to the client

	surplus   bool // one too many: it is turned away
	greeted   bool
	offerTLS  bool // the next answer is the one to EHLO
	dataAsked bool // the next answer is the one to DATA
	inData    bool
	muted     bool // the next answer was given already
	recipient string
	wire      bytes.Buffer // the message as it came

	once sync.Once
	done chan struct{}
}

func newSMTPConn(tcp *net.TCPConn, l *smtpListener, number int) *smtpConn {
	c := &smtpConn{TCPConn: tcp, listener: l, number: number, transport: tcp, done: make(chan struct{})}
	if l.server.options.TLS == SMTPImplicit {
		c.transport = tls.Server(tcp, l.server.tls)
	}
	c.reader = bufio.NewReaderSize(c.transport, 64<<10)
	return c
}

// Read gives the server what the client sent, without the commands that a
// fault has answered.
func (c *smtpConn) Read(p []byte) (int, error) {
	for len(c.pending) == 0 {
		if !c.hasLine() {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
		chunk, err := c.reader.ReadSlice('\n')
		if len(chunk) == 0 {
			return 0, err
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		pass, err := c.inspect(chunk)
		if err != nil {
			return 0, err
		}
		if pass {
			c.pending = append(c.pending[:0], chunk...)
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// Write gives the client the server's answer: in one piece if it has several
// lines, and together with those to the commands that have come behind it, as
// RFC 2920, section 3.2, asks.
func (c *smtpConn) Write(p []byte) (int, error) {
	if !c.greeted {
		c.greeted = true
		if c.surplus {
			_, _ = c.transport.Write([]byte("421 4.7.0 Too many connections\r\n"))
			_ = c.Close()
			return 0, net.ErrClosed
		}
		if done, err := c.strike(AtBanner); done || err != nil {
			return len(p), err
		}
	}
	if c.muted {
		c.muted = false
		return len(p), nil
	}
	if c.dataAsked {
		c.dataAsked = false
		c.inData = bytes.HasPrefix(p, []byte("354"))
		c.wire.Reset()
	}
	if c.listener.server.options.NoPipelining && string(p) == "250-PIPELINING\r\n" {
		return len(p), nil
	}
	out := p
	if c.offerTLS {
		c.offerTLS = false
		if bytes.HasPrefix(p, []byte("250-")) {
			out = append(bytes.Clone(p), "250-STARTTLS\r\n"...)
		}
	}
	c.held = append(c.held, out...)
	if unfinished := len(p) > 3 && p[3] == '-'; unfinished || c.hasLine() {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hasLine tells whether a line of the client is here already.
func (c *smtpConn) hasLine() bool {
	here, _ := c.reader.Peek(c.reader.Buffered())
	return bytes.IndexByte(here, '\n') >= 0
}

// flush sends what is held.
func (c *smtpConn) flush() error {
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.transport.Write(c.held)
	c.held = c.held[:0]
	return err
}

// Close ends the connection and whatever stalls on it.
func (c *smtpConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.listener.forget(c)
		_ = c.TCPConn.Close()
	})
	return nil
}

// secure returns the TLS connection, nil on plain text.
func (c *smtpConn) secure() *tls.Conn {
	t, _ := c.transport.(*tls.Conn)
	return t
}

// inspect tells whether the server gets to see the line.
func (c *smtpConn) inspect(line []byte) (pass bool, err error) {
	if c.inData {
		return c.inspectData(line)
	}
	command := strings.TrimRight(string(line), "\r\n")
	verb, rest, _ := strings.Cut(command, " ")
	verb = strings.ToUpper(verb)
	stage := smtpStageOf(verb)
	if stage == "" {
		return true, nil // the server says what it thinks of it; or it is a SASL response
	}
	switch stage {
	case AtAuth:
		mechanism, _, _ := strings.Cut(rest, " ")
		command = "AUTH " + mechanism
	case AtMail, AtRset:
		c.recipient = ""
	case AtRcpt:
		_, path, _ := strings.Cut(rest, "<")
		c.recipient, _, _ = strings.Cut(path, ">")
	}
	c.listener.server.record(c.number, command)
	if done, err := c.strike(stage); done || err != nil {
		return false, err
	}
	starts := c.listener.server.options.TLS == SMTPStartTLS && c.secure() == nil
	switch {
	case stage == AtStartTLS && starts:
		return false, c.startTLS()
	case verb == "EHLO":
		c.offerTLS = starts
	case stage == AtData:
		c.dataAsked = true
	}
	return true, nil
}

func (c *smtpConn) inspectData(line []byte) (pass bool, err error) {
	begin := c.wire.Len() == 0
	if string(line) == ".\r\n" && (begin || bytes.HasSuffix(c.wire.Bytes(), []byte("\r\n"))) {
		c.inData = false
		return true, nil
	}
	c.wire.Write(line)
	if begin {
		done, err := c.strike(AtBody)
		if done && err == nil {
			// A server that has answered early reads no further.
			_ = c.Close()
			return false, net.ErrClosed
		}
		return true, err
	}
	return true, nil
}

func (c *smtpConn) startTLS() error {
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := c.transport.Write([]byte("220 2.0.0 Ready to start TLS\r\n")); err != nil {
		return err
	}
	secure := tls.Server(c.TCPConn, c.listener.server.tls)
	if err := secure.Handshake(); err != nil {
		return err
	}
	c.transport = secure
	// What came in clear behind STARTTLS is dropped (RFC 3207, section 6).
	c.reader.Reset(secure)
	return nil
}

// strike lets a planned fault happen. It is done when the client has got its
// answer from the fault.
func (c *smtpConn) strike(stage SMTPStage) (done bool, err error) {
	fault, due := c.listener.server.fault(stage, c.recipient)
	if !due {
		return false, nil
	}
	if err := c.flush(); err != nil {
		return false, err
	}
	switch fault.Action {
	case SMTPRefuse:
		if _, err := c.transport.Write([]byte(fault.reply())); err != nil {
			return false, err
		}
		if fault.Code == 421 || stage == AtBanner {
			_ = c.Close()
			return true, net.ErrClosed
		}
		return true, nil
	case SMTPRaw:
		_, err := c.transport.Write([]byte(fault.Text))
		return true, err
	case SMTPFlood:
		line := bytes.Repeat([]byte("250-flood "), 1000)
		for {
			if _, err := c.transport.Write(line); err != nil {
				return false, err
			}
		}
	case SMTPStall:
		<-c.done
		return false, net.ErrClosed
	default:
		// Without lingering, Close sends RST instead of FIN.
		_ = c.SetLinger(0)
		_ = c.Close()
		return false, net.ErrClosed
	}
}
