package sandbox_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"alta/internal/sandbox"
)

// listener is a partner's server that webhooks come to.
type listener struct {
	url    string
	bodies chan string
}

func startListener(t *testing.T, secret string, status int) listener {
	t.Helper()
	l := listener{bodies: make(chan string, 8)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if got := r.Header.Get("capa-signature"); r.Method != "POST" || got != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s, signed %q", r.Method, got)
		}
		l.bodies <- string(body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func TestAPIFiresSignedWebhooks(t *testing.T) {
	for _, status := range []int{200, 307, 503} {
		l := startListener(t, "s3cret", status)
		c := startAPI(t, sandbox.APIOptions{WebhookSecret: "s3cret"})
		if _, err := c.api.Fire(t.Context(), "VERIFIED_USER", "ana"); err == nil {
			t.Error("a webhook without an address was delivered")
		}
		if answer, body, _, err := c.do("PUT", "/api/partner/v2/webhook-settings", `{"url":"`+l.url+`"}`); answer != 200 || err != nil {
			t.Fatalf("registered: %d %s %v", answer, body, err)
		}
		for range 2 { // a repetition is the very same
			got, err := c.api.Fire(t.Context(), "VERIFIED_USER", `a"na`)
			if got != status || err != nil {
				t.Errorf("%d, %v, want %d", got, err, status)
			}
			if body := <-l.bodies; body != `{"type":"KYC","event":"VERIFIED_USER","externalUserId":"a\"na"}` {
				t.Errorf("the webhook says %s", body)
			}
		}
		if len(l.bodies) != 0 {
			t.Error("a redirect was followed, or a webhook tried again")
		}
	}
}

func TestAPIWebhookSettings(t *testing.T) {
	c := startAPI(t, sandbox.APIOptions{WebhookURL: "https://before.example/hooks/capa"})
	const path = "/api/partner/v2/webhook-settings"
	put := func(body string) int {
		t.Helper()
		status, _, _, err := c.do("PUT", path, body)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	for body, want := range map[string]int{`{"url":""}`: 400, `{}`: 400, `hello`: 400, `{"url":"ftp://x.example"}`: 400} {
		if got := put(body); got != want || c.api.Webhook() != "https://before.example/hooks/capa" {
			t.Errorf("%s: %d, want %d, and webhooks go to %s", body, got, want, c.api.Webhook())
		}
	}
	c.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 503}}, sandbox.APIFault{Details: true, Answer: sandbox.APIAnswer{Status: 503}},
		sandbox.APIFault{Webhook: true, Times: 1, Answer: sandbox.PartnerFlow()})
	if got := put(`{"url":"https://new.example/h"}`); got != 403 || c.api.Webhook() != "https://before.example/hooks/capa" {
		t.Errorf("%d, and webhooks go to %s", got, c.api.Webhook())
	}
	if got := put(`{"url":"https://new.example/h"}`); got != 200 || c.api.Webhook() != "https://new.example/h" {
		t.Errorf("%d, and webhooks go to %s", got, c.api.Webhook())
	}
	c.key = "other"
	if got := put(`{"url":"https://thief.example/h"}`); got != 401 || c.api.Webhook() != "https://new.example/h" {
		t.Errorf("a wrong key: %d, and webhooks go to %s", got, c.api.Webhook())
	}
}

// Closing ends a webhook that nobody answers.
func TestAPICloseEndsAWebhook(t *testing.T) {
	came := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(came)
		<-r.Context().Done()
	}))
	defer server.Close()
	c := startAPI(t, sandbox.APIOptions{WebhookURL: server.URL})
	done := make(chan error, 1)
	go func() {
		_, err := c.api.Fire(context.WithoutCancel(t.Context()), "VERIFIED_USER", "ana")
		done <- err
	}()
	<-came
	if err := c.api.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("a webhook that nobody answered was delivered")
	}
	if _, err := c.api.Fire(t.Context(), "VERIFIED_USER", "ana"); err == nil {
		t.Error("a closed sandbox fires")
	}
}
