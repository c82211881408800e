package intake

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"alta/pipeline"
)

// The test event. It is signed like any other; [Webhook] writes nothing down for
// it, and says in a header of its own that it came through.
const (
	testKind   = "ALTA"
	testEvent  = "ALTA_TEST"
	testHeader = "alta-webhook"
	testAnswer = "ok"
)

func (e event) isTest() bool { return e.kind == testKind && e.name == testEvent }

// ErrSilent says that nobody answers where webhooks come in, which is so, too,
// while alta is not started yet.
var ErrSilent = errors.New("nobody answers there")

// probeLimit bounds a probe, from the dial to the end of the answer.
const probeLimit = 10 * time.Second

// Probe sends a signed test event to address, as Capa would, and returns nil when
// alta answers it. Its error says what is in the way and what to do; it wraps
// [ErrSilent] when there was no answer at all, or only a proxy's. random makes
// every test event another.
func Probe(ctx context.Context, transport http.RoundTripper, address string, secret pipeline.Secret, random io.Reader) error {
	target, err := url.Parse(address)
	if err != nil {
		return errors.New("the address of the webhook is no URL; correct public.base_url")
	}
	request, err := probeRequest(target.String(), secret, random)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	// The transport follows no redirect, and nothing says that Capa does.
	response, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return explainSilence(target.Host, err)
	}
	// What it says is of no interest; a part of it lets the connection end well.
	_, _ = io.CopyN(io.Discard, response.Body, maxBody)
	_ = response.Body.Close()
	return explainAnswer(target.Host, response)
}

func probeRequest(address string, secret pipeline.Secret, random io.Reader) (*http.Request, error) {
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return nil, fmt.Errorf("make a test event: %w", err)
	}
	body, err := json.Marshal(map[string]string{"type": testKind, "event": testEvent, "externalUserId": "test-" + hex.EncodeToString(id[:])})
	if err != nil {
		return nil, fmt.Errorf("make a test event: %w", err)
	}
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a test event: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "alta")
	request.Header.Set(Header, Sign(secret, body))
	return request, nil
}

// explainSilence says why there was no answer.
func explainSilence(host string, err error) error {
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return fmt.Errorf("the name in %s is not found: give it a DNS record, or correct public.base_url", host)
	}
	if isTLS(err) {
		return fmt.Errorf("the TLS of %s is not good, so Capa can't deliver there (%w): give the proxy a certificate for that name that browsers trust", host, err)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nothing listens at %s; start 'alta serve', and the proxy before it", ErrSilent, host)
	}
	if wait, ok := errors.AsType[net.Error](err); ok && wait.Timeout() {
		return fmt.Errorf("%w: no answer from %s within %s; look at its firewall, and at the proxy before alta", ErrSilent, host, probeLimit)
	}
	return fmt.Errorf("%w: the connection to %s failed (%w)", ErrSilent, host, err)
}

// isTLS tells whether the handshake failed, on whichever side. For the other side's
// word crypto/tls has no type of its own, only this operation.
func isTLS(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	op, network := errors.AsType[*net.OpError](err)
	return untrusted || noTLS || errors.Is(err, http.ErrSchemeMismatch) || network && op.Op == "remote error"
}

// explainAnswer says what an answer other than alta's own means.
func explainAnswer(host string, r *http.Response) error {
	status := r.StatusCode
	switch {
	case status == http.StatusOK && r.Header.Get(testHeader) == testAnswer:
		return nil
	case status >= 300 && status < 400:
		return fmt.Errorf("%s redirects (%d), and Capa is not known to follow: set public.base_url to where it leads", host, status)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s refuses the signature (401): the alta that serves there has another secret; give both the same, restart it, and make sure that no proxy changes the body or asks for a login", host)
	case status == http.StatusForbidden:
		return fmt.Errorf("a proxy or a firewall before alta refuses the request (403): let POST %s of %s pass", Path, host)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return fmt.Errorf("%s does not know POST %s (%d): let the proxy pass it to public.listen, and restart 'alta serve' if the webhook secret was set since it started", host, Path, status)
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return fmt.Errorf("%w: the proxy at %s does not reach alta (%d); start 'alta serve', and let the proxy pass to public.listen", ErrSilent, host, status)
	case status == http.StatusOK:
		return fmt.Errorf("something answers at %s, but it is not alta: let the proxy pass POST %s to public.listen", host, Path)
	}
	return fmt.Errorf("%s answers %d to a test event: look at the proxy before alta", host, status)
}
