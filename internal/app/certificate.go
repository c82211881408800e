package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"alta/pipeline"
)

// certificate is that of the operator's listener. It is read again once its files
// change, so that a renewal needs no restart; while they don't fit together the one
// of before is shown.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               pipeline.Clock

	mu     sync.Mutex
	shown  *tls.Certificate
	read   [2]fileStamp
	unread seldom
}

// fileStamp tells one content of a file from another.
type fileStamp struct {
	size     int64
	modified time.Time
}

// readCertificate finds the files of the operator's certificate.
func (c *Config) readCertificate(getenv func(string) string) {
	for setting, file := range map[string]*string{"operator.tls_cert_file": &c.Operator.TLSCertFile, "operator.tls_key_file": &c.Operator.TLSKeyFile} {
		path, _, err := expandCredential(*file, getenv)
		if err != nil {
			c.secrets = append(c.secrets, c.problem(setting, err.Error()))
			continue
		}
		*file = c.resolve(path)
	}
}

// loadCertificate reads the certificate that the configuration names; nil for none.
func loadCertificate(c OperatorConfig, log *slog.Logger, now pipeline.Clock) (*certificate, error) {
	if c.TLSCertFile == "" {
		return nil, nil
	}
	k := &certificate{certFile: c.TLSCertFile, keyFile: c.TLSKeyFile, log: log, now: now}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("operator.tls_cert_file and operator.tls_key_file: %w", err)
	}
	return k, nil
}

// config is how a listener with the certificate speaks; nil, which is not at all, for
// none.
func (k *certificate) config() *tls.Config {
	if k == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.Get}
}

// Get is the certificate for a handshake, as [tls.Config] asks for it.
func (k *certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(); err != nil && k.unread.due(k.now()) {
		k.log.Warn("the certificate of the operator's page changed and can't be read; the one of before is shown", "error", err)
	}
	return k.shown, nil
}

// load reads the files unless they are as they were.
func (k *certificate) load() error {
	var found [2]fileStamp
	for i, file := range []string{k.certFile, k.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("the file %q can't be read: %w", file, withoutPath(err))
		}
		found[i] = fileStamp{info.Size(), info.ModTime()}
	}
	if k.shown != nil && found == k.read {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		if k.shown == nil {
			return fmt.Errorf("%q and %q are no certificate and its key, both PEM: %w", k.certFile, k.keyFile, withoutPath(err))
		}
		return errors.New("the two files don't fit together, or not yet: " + err.Error())
	}
	k.shown, k.read = &pair, found
	return nil
}
