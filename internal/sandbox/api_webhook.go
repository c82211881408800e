package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"alta/pipeline"
)

// fireLimit bounds the delivery of one webhook.
const fireLimit = 10 * time.Second

// WebhookSecret is what webhooks are signed with. It opens nothing but this
// sandbox.
func (a *API) WebhookSecret() string { return a.opts.WebhookSecret }

// Webhook is where webhooks go, "" while no address is known.
func (a *API) Webhook() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.webhook
}

// Fire delivers one webhook about the user to the address that was registered:
// once, where the real thing tries five times. A second call is a repetition, and
// calls may come in any order or at the same time. The status is the answer's; a
// redirect is not followed. The error says that there was no answer.
func (a *API) Fire(ctx context.Context, event, externalUserID string) (status int, err error) {
	to := a.Webhook()
	if to == "" {
		return 0, errors.New("fire a webhook: no address is registered for it")
	}
	if !a.enter() {
		return 0, errors.New("fire a webhook: the sandbox is closed")
	}
	defer a.running.Done()
	ctx, cancel := context.WithTimeout(ctx, fireLimit)
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	request, err := a.notice(ctx, to, event, externalUserID)
	if err != nil {
		return 0, fmt.Errorf("fire a webhook: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, fmt.Errorf("fire a webhook: %w", err)
	}
	return response.StatusCode, response.Body.Close()
}

// notice is the request of a webhook, as the partner's guide shows it.
func (a *API) notice(ctx context.Context, to, event, externalUserID string) (*http.Request, error) {
	body, err := json.Marshal(struct {
		Type           string `json:"type"`
		Event          string `json:"event"`
		ExternalUserID string `json:"externalUserId"`
	}{"KYC", event, externalUserID})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(a.opts.WebhookSecret))
	_, _ = mac.Write(body) // it never fails: see hash.Hash
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("capa-signature", hex.EncodeToString(mac.Sum(nil)))
	return request, nil
}

// settings registers the address of the one webhook.
func (a *API) settings(r *http.Request, body []byte) (APIAnswer, []byte) {
	var want struct {
		URL string `json:"url"`
	}
	malformed := json.Unmarshal(body, &want)
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, faulty := a.fault(request{webhook: true})
	if faulty && answer.Action != Late {
		return a.finish(answer, pipeline.Individual)
	}
	delay := answer.Delay
	answer = a.checkKey(r)
	answer.Delay = delay
	u, err := url.Parse(want.URL)
	switch {
	case answer.Status != 0:
	case malformed != nil, err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		answer = InvalidInput()
	default:
		a.webhook = want.URL
		answer.Body = encodeJSON(map[string]any{"success": true, "data": map[string]any{"url": want.URL}})
	}
	return a.finish(answer, pipeline.Individual)
}
