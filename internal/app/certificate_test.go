package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeCertificate writes a certificate for 127.0.0.1 and its key, and returns it.
func writeCertificate(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "alta"}, DNSNames: []string{"alta.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		check(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
		check(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Unix(serial, 0)))
	}
	made, err := x509.ParseCertificate(der)
	check(t, err)
	return made
}

// A renewed certificate is shown without a restart, and a broken one is not.
func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	c := OperatorConfig{TLSCertFile: filepath.Join(dir, "cert.pem"), TLSKeyFile: filepath.Join(dir, "key.pem")}
	if _, err := loadCertificate(c, slog.New(slog.NewTextHandler(&log, nil)), clock.now); err == nil || !strings.Contains(err.Error(), "operator.tls_cert_file") {
		t.Errorf("without files: %v", err)
	}
	writeCertificate(t, dir, 1)
	k, err := loadCertificate(c, slog.New(slog.NewTextHandler(&log, nil)), clock.now)
	check(t, err)
	serial := func() int64 {
		t.Helper()
		shown, err := k.Get(nil)
		check(t, err)
		parsed, err := x509.ParseCertificate(shown.Certificate[0])
		check(t, err)
		return parsed.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("it shows %d", got)
	}
	writeCertificate(t, dir, 2)
	if got := serial(); got != 2 {
		t.Errorf("after a renewal it shows %d", got)
	}
	check(t, os.WriteFile(c.TLSKeyFile, []byte("no key"), 0o600))
	if got := serial(); got != 2 || strings.Count(log.String(), "can't be read") != 1 {
		t.Errorf("with a broken key it shows %d, and says %q", got, &log)
	}
	check(t, os.Remove(c.TLSCertFile))
	if got := serial(); got != 2 {
		t.Errorf("without a file it shows %d", got)
	}
	writeCertificate(t, dir, 3)
	if got := serial(); got != 3 {
		t.Errorf("once it is mended it shows %d", got)
	}
}

// The page speaks TLS by itself, tells browsers to stay with it, and gives cookies
// that no other site of the host can set.
func TestThePageSpeaksTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, yearly, `operator.listen = "127.0.0.1:0"`, `operator.tls_cert_file = "cert.pem"`, `operator.tls_key_file = "key.pem"`)
	root := writeCertificate(t, w.dir, 7)
	d := w.serve()
	d.says("health and metrics are served")
	at := served.FindStringSubmatch(d.log.String())[1]
	pool := x509.NewCertPool()
	pool.AddCert(root)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "alta.example"}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	form := strings.NewReader("token=" + w.token("olga", "operator"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+at+"/login", form)
	check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(r)
	check(t, err)
	check(t, response.Body.Close())
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("signing in is answered %d %v", response.StatusCode, response.Header)
	}
	for _, c := range response.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
			t.Errorf("a cookie is %v", c)
		}
	}
	d.signal(syscall.SIGTERM)
	if status := d.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
