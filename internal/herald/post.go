package herald

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alta/pipeline"
)

// message is an event as it is told.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened
	Data      data      `json:"data"`
}

// data names users by their ids alone.
type data struct {
	UserID     string        `json:"user_id,omitempty"`
	ExternalID string        `json:"external_id,omitempty"`
	Step       pipeline.Step `json:"step,omitempty"`
	Round      int           `json:"round,omitempty"`
	Code       string        `json:"code,omitempty"`
}

// answer is what a receiver says.
type answer struct {
	status int           // 0 for none
	said   string        // in a few words
	after  time.Duration // Retry-After; 0 for none
}

func newClient() *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy:       http.ProxyFromEnvironment,
			DialContext: (&net.Dialer{Timeout: timeout}).DialContext, TLSHandshakeTimeout: timeout,
			MaxIdleConnsPerHost: atOnce, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2: true,
		},
		// What is signed for one receiver goes to no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post makes one try. Its error is a bug; a receiver that does not answer is an answer.
func (h *Herald) post(ctx context.Context, e Event) (answer, error) {
	body, err := json.Marshal(message{e.Type, e.At.UTC(), data{e.UserID, e.ExternalID, e.Step, e.Round, e.Code}})
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	now := h.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", h.Agent)
	r.Header.Set("webhook-id", e.Name)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", h.Key.sign(e.Name, now, body))
	response, err := h.client.Do(r)
	if err != nil {
		return answer{said: noAnswer(err)}, nil
	}
	defer response.Body.Close()
	// A short answer leaves the connection of use for the next event.
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	a := answer{status: response.StatusCode, said: strconv.Itoa(response.StatusCode)}
	if text := http.StatusText(response.StatusCode); text != "" {
		a.said += " " + text
	}
	if a.status >= 300 && a.status <= 399 {
		a.said += ", which is not followed"
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		a.after = retryAfter(response.Header.Get("Retry-After"), now)
	}
	return a, nil
}

// noAnswer says why there was none, without the address, whose query may hold a secret.
func noAnswer(err error) string {
	var timed interface{ Timeout() bool }
	if errors.As(err, &timed) && timed.Timeout() {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
		return "no such host"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op + ": " + lastWords(op.Err)
	}
	return lastWords(err)
}

// lastWords is what went wrong in the end, without what was tried.
func lastWords(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	text := err.Error()
	if len(text) > 200 {
		text = text[:200]
	}
	return strings.ToValidUTF8(text, "")
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// Test tells an event that did not happen, once, and returns what the receiver said.
func (h *Herald) Test(ctx context.Context, name string) (said string, delivered bool, err error) {
	a, err := h.post(ctx, Event{Name: name, Type: "alta.test", At: h.Now()})
	return a.said, a.status >= 200 && a.status <= 299, err
}
