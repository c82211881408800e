package intake_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/internal/intake"
	"alta/pipeline"
)

func probe(t *testing.T, url, key string) error {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	err := intake.Probe(t.Context(), transport, url, pipeline.NewSecret(key), rand.Reader)
	if err != nil && strings.Contains(err.Error(), key) {
		t.Errorf("the error shows the secret: %v", err)
	}
	return err
}

// A test event goes the whole way, and leaves nothing in the ledger.
func TestProbeComesThrough(t *testing.T) {
	h := startHook(t, nil)
	for _, key := range []string{secret, previous} {
		if err := probe(t, h.url, key); err != nil {
			t.Error(err)
		}
	}
	if len(h.ledger.got) != 0 {
		t.Errorf("the ledger was told %v", h.ledger.got)
	}
	if diff := cmp.Diff(map[[2]string]int{{"test", "test"}: 2}, h.count.of); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if lines := strings.Count(h.log.String(), "msg=\"a test webhook came through\""); lines != 2 {
		t.Errorf("the log says %s", h.log)
	}
}

// The event alone makes no test: what Capa might call so one day is news.
func TestOnlyItsOwnTestEventIsNoNews(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"ALTA","event":"ALTA_TEST","externalUserId":"x"}`:     "ok",
		`{"type":"KYC","event":"ALTA_TEST","externalUserId":"x"}`:      "",
		`{"type":"ALTA","event":"VERIFIED_USER","externalUserId":"x"}`: "",
	} {
		h := startHook(t, nil)
		status, header, _ := post(t, "POST", h.url, body, sign(secret, body))
		if status != 200 || header.Get("alta-webhook") != want || (len(h.ledger.got) == 0) != (want == "ok") {
			t.Errorf("%s: %d, %q, the ledger was told %v", body, status, header.Get("alta-webhook"), h.ledger.got)
		}
	}
	h := startHook(t, nil)
	body := `{"type":"ALTA","event":"ALTA_TEST","externalUserId":"x"}`
	if status, header, _ := post(t, "POST", h.url, body, sign("another", body)); status != 401 || header.Get("alta-webhook") != "" {
		t.Errorf("without a good signature: %d, %v", status, header)
	}
}

func TestProbeSaysWhatIsInTheWay(t *testing.T) {
	for _, test := range []struct {
		sentence string
		answer   http.HandlerFunc
		silent   bool
		says     string
	}{
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}, false, "redirects (301)"},
		{"a proxy with a login", status(401), false, "has another secret"},
		{"a firewall", status(403), false, "let POST /hooks/capa"},
		{"a proxy that does not pass the path", status(404), false, "does not know POST /hooks/capa (404)"},
		{"a page that can only be read", status(405), false, "does not know POST /hooks/capa (405)"},
		{"a proxy without alta", status(502), true, "does not reach alta (502)"},
		{"a ledger that can't be written, or no alta", status(503), true, "(503)"},
		{"a page that answers anything", status(200), false, "it is not alta"},
		{"something else", status(418), false, "answers 418"},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, "failed (EOF)"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			err := probe(t, server.URL+intake.Path, secret)
			if err == nil || errors.Is(err, intake.ErrSilent) != test.silent || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := probe(t, "http://"+closed.Addr().String(), secret); !errors.Is(err, intake.ErrSilent) || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("nobody listens: %v", err)
	}
	h := startHook(t, nil)
	if err := probe(t, h.url, "canary-of-another"); err == nil || !strings.Contains(err.Error(), "another secret") {
		t.Errorf("another secret: %v", err)
	}
	if err := probe(t, "https"+strings.TrimPrefix(h.url, "http"), secret); err == nil || errors.Is(err, intake.ErrSilent) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("no TLS there: %v", err)
	}
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	if err := probe(t, untrusted.URL, secret); err == nil || errors.Is(err, intake.ErrSilent) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
}

// What the network says is made here, since no test should ask a name server.
func TestProbeExplainsTheNetwork(t *testing.T) {
	for says, err := range map[string]error{
		"give it a DNS record":      &net.DNSError{Name: "kyc.acme.example", Err: "no such host", IsNotFound: true},
		"no answer from":            &net.DNSError{Name: "kyc.acme.example", Err: "i/o timeout", IsTimeout: true},
		"within 10s":                context.DeadlineExceeded,
		"give the proxy a certific": &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
	} {
		failing := tripFunc(func(*http.Request) (*http.Response, error) { return nil, err })
		got := intake.Probe(t.Context(), failing, "https://kyc.acme.example/hooks/capa", pipeline.NewSecret(secret), rand.Reader)
		if got == nil || !strings.Contains(got.Error(), says) || !strings.Contains(got.Error(), "kyc.acme.example") {
			t.Errorf("%v: %v, want %q", err, got, says)
		}
	}
	if err := intake.Probe(t.Context(), nil, "https://kyc.acme.example/", pipeline.NewSecret(secret), bytes.NewReader(nil)); err == nil {
		t.Error("a test event was made without randomness")
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

type tripFunc func(*http.Request) (*http.Response, error)

func (f tripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
