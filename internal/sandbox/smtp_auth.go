package sandbox

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// AuthMechanisms lists what the server offers on this connection.
func (s *smtpSession) AuthMechanisms() []string {
	o := s.server.options
	if o.Username == "" || o.TLS == SMTPStartTLS && s.conn.secure() == nil {
		return nil
	}
	if len(o.Mechanisms) > 0 {
		return o.Mechanisms
	}
	all := []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "SCRAM-SHA-1", "SCRAM-SHA-256"}
	if s.conn.secure() != nil {
		all = append(all, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
	}
	return all
}

// Auth begins an exchange.
func (s *smtpSession) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(s.AuthMechanisms(), mechanism) {
		return nil, gosmtp.ErrAuthUnknownMechanism
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, username, password string) error {
			return s.login(username, password)
		}), nil
	case "LOGIN":
		return &loginServer{login: s.login}, nil
	case "CRAM-MD5":
		return &cramServer{session: s}, nil
	case "XOAUTH2":
		return &xoauth2Server{login: s.login}, nil
	case "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS":
		return newScramServer(s, sha1.New, strings.HasSuffix(mechanism, "-PLUS")), nil
	case "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		return newScramServer(s, sha256.New, strings.HasSuffix(mechanism, "-PLUS")), nil
	}
	return nil, gosmtp.ErrAuthUnknownMechanism
}

func (s *smtpSession) login(username, password string) error {
	o := s.server.options
	if username != o.Username || password != o.Password {
		return gosmtp.ErrAuthFailed
	}
	s.authenticated = true
	return nil
}

// loginServer is the server side of LOGIN (draft-murchison-sasl-login).
type loginServer struct {
	login    func(username, password string) error
	asked    int
	username string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch l.asked {
	case 0:
		l.asked++
		if response == nil {
			return []byte("Username:"), false, nil
		}
		fallthrough
	case 1:
		l.asked = 2
		l.username = string(response)
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.login(l.username, string(response))
	}
}

// cramServer is the server side of CRAM-MD5 (RFC 2195).
type cramServer struct {
	session   *smtpSession
	challenge string
}

func (c *cramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if c.challenge == "" {
		c.challenge = "<" + rand.Text() + "@smtp.sandbox.invalid>"
		return []byte(c.challenge), false, nil
	}
	o := c.session.server.options
	mac := hmac.New(md5.New, []byte(o.Password))
	mac.Write([]byte(c.challenge))
	want := o.Username + " " + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), response) {
		return nil, true, gosmtp.ErrAuthFailed
	}
	c.session.authenticated = true
	return nil, true, nil
}

// xoauth2Server is the server side of XOAUTH2: on failure it explains in a
// challenge, which the client answers with an empty line, before it refuses.
type xoauth2Server struct {
	login func(username, password string) error
	err   error
}

func (x *xoauth2Server) Next(response []byte) (challenge []byte, done bool, err error) {
	if x.err != nil {
		return nil, true, x.err
	}
	if response == nil {
		return []byte{}, false, nil
	}
	fields := strings.Split(string(response), "\x01")
	if len(fields) < 2 {
		return nil, true, gosmtp.ErrAuthFailed
	}
	username := strings.TrimPrefix(fields[0], "user=")
	token := strings.TrimPrefix(fields[1], "auth=Bearer ")
	if x.err = x.login(username, token); x.err != nil {
		return []byte(`{"status":"401","schemes":"Bearer"}`), false, nil
	}
	return nil, true, nil
}
