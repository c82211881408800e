package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
)

const scramIterations = 4096

// scramServer is the server side of SCRAM (RFC 5802), with channel binding by
// tls-exporter (RFC 9266) in the -PLUS variants.
type scramServer struct {
	session *smtpSession
	hash    func() hash.Hash
	plus    bool

	header      string // the GS2 header of the client's first message
	clientFirst string // the client's first message without it
	serverFirst string
	nonce       string
	salted      []byte
	verified    bool
}

func newScramServer(s *smtpSession, h func() hash.Hash, plus bool) *scramServer {
	return &scramServer{session: s, hash: h, plus: plus}
}

// Next answers one message of the client.
func (s *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case s.verified:
		s.session.authenticated = true
		return nil, true, nil
	case len(response) == 0:
		return []byte{}, false, nil
	case s.serverFirst == "":
		challenge, err = s.first(string(response))
	default:
		challenge, err = s.final(string(response))
	}
	if err != nil {
		return nil, true, err
	}
	return challenge, false, nil
}

func (s *scramServer) first(message string) ([]byte, error) {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) < 3 || strings.HasPrefix(parts[0], "p=") != s.plus {
		return nil, gosmtp.ErrAuthFailed
	}
	s.header, s.clientFirst = parts[0]+","+parts[1]+",", parts[2]
	fields := scramFields(s.clientFirst)
	if fields["n"] != s.session.server.options.Username || fields["r"] == "" {
		return nil, gosmtp.ErrAuthFailed
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // crypto/rand never fails
	salted, err := pbkdf2.Key(s.hash, s.session.server.options.Password, salt, scramIterations, s.hash().Size())
	if err != nil {
		return nil, err
	}
	s.salted = salted
	s.nonce = fields["r"] + rand.Text()
	s.serverFirst = fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(salt), scramIterations)
	return []byte(s.serverFirst), nil
}

func (s *scramServer) final(message string) ([]byte, error) {
	binding := []byte(s.header)
	if s.plus {
		state := s.session.conn.secure().ConnectionState()
		key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		if err != nil {
			return nil, err
		}
		binding = append(binding, key...)
	}
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return nil, gosmtp.ErrAuthFailed
	}
	fields := scramFields(message)
	if fields["c"] != base64.StdEncoding.EncodeToString(binding) || fields["r"] != s.nonce {
		return nil, gosmtp.ErrAuthFailed
	}
	proof, err := base64.StdEncoding.DecodeString(message[at+len(",p="):])
	if err != nil {
		return nil, gosmtp.ErrAuthFailed
	}
	auth := s.clientFirst + "," + s.serverFirst + "," + message[:at]
	clientKey := s.mac(s.salted, "Client Key")
	stored := s.hash()
	stored.Write(clientKey)
	signature := s.mac(stored.Sum(nil), auth)
	for i := range signature {
		signature[i] ^= clientKey[i]
	}
	if !bytes.Equal(signature, proof) {
		return nil, gosmtp.ErrAuthFailed
	}
	s.verified = true
	server := s.mac(s.mac(s.salted, "Server Key"), auth)
	return []byte("v=" + base64.StdEncoding.EncodeToString(server)), nil
}

func (s *scramServer) mac(key []byte, message string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}

// scramFields splits "a=x,b=y"; a value may hold "=".
func scramFields(message string) map[string]string {
	fields := map[string]string{}
	for field := range strings.SplitSeq(message, ",") {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	return fields
}
