package sandbox

import (
	"bytes"
	"io"
	"slices"

	gosmtp "github.com/emersion/go-smtp"
)

// smtpSession receives mails on one connection.
type smtpSession struct {
	server        *SMTP
	conn          *smtpConn
	authenticated bool
	from          string
	to            []string
	ret           string
}

func (s *SMTP) newSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	return &smtpSession{server: s, conn: c.Conn().(*smtpConn)}, nil
}

// Reset forgets the transaction.
func (s *smtpSession) Reset() { s.from, s.to, s.ret = "", nil, "" }

// Logout ends the session.
func (s *smtpSession) Logout() error { return nil }

// Mail begins a transaction.
func (s *smtpSession) Mail(from string, options *gosmtp.MailOptions) error {
	if s.server.options.Username != "" && !s.authenticated {
		return &gosmtp.SMTPError{Code: 530, EnhancedCode: gosmtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from, s.ret = from, string(options.Return)
	return nil
}

// Rcpt adds a recipient.
func (s *smtpSession) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data keeps the mail, unless a fault wants otherwise.
func (s *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if done, err := s.conn.strike(AtDot); done || err != nil {
		s.conn.muted = true
		return err
	}
	s.server.keep(Mail{
		From: s.from, To: slices.Clone(s.to), Return: s.ret,
		Raw: raw, Wire: bytes.Clone(s.conn.wire.Bytes()),
		At: s.server.options.Now(), TLS: s.conn.secure() != nil, Conn: s.conn.number,
	})
	if done, err := s.conn.strike(AtAccepted); done || err != nil {
		s.conn.muted = true
		return err
	}
	return nil
}
