package capa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"alta/pipeline"
)

// CheckWebhookURL tells whether webhooks may be delivered to raw: https, or http on
// a loopback host. Its error says what was expected and never repeats raw.
func CheckWebhookURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || hasUnsafeByte(raw) || len(raw) > maxURL:
		return errors.New("expected a URL such as https://kyc.acme.example/hooks/capa")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("expected a URL that begins with https://")
	case u.User != nil:
		return errors.New("expected no user name or password in it")
	case !hasServer(u):
		return errors.New("expected a host name or an IP address behind https://, with a port of 1 to 65535 or none")
	case u.Fragment != "":
		return errors.New("expected no fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("expected https: http would show who is verified to everybody on the way, so it is for loopback hosts only")
	}
	return nil
}

// RegisterWebhook tells the partner API where to deliver webhooks from now on (PUT
// /api/partner/v2/webhook-settings). There is one address for each partner: it
// takes the place of the one before. Its error is [CheckWebhookURL]'s, a
// [pipeline.Fault] of kind Outage, or the context's.
func (c *Client) RegisterWebhook(ctx context.Context, address string) error {
	if err := CheckWebhookURL(address); err != nil {
		return fmt.Errorf("the webhook's address: %w", err)
	}
	req, err := c.requests.settings(address)
	if err != nil {
		return err
	}
	a, lost := c.call(ctx, c.line.current(), req, maxAnswer)
	if lost != nil {
		return c.unreached(ctx, "register the webhook", lost)
	}
	if isSuccess(a.status) {
		var said struct {
			Success *bool `json:"success"`
		}
		if json.Unmarshal(a.body, &said) == nil && said.Success != nil && !*said.Success {
			return outage(just(pipeline.Outage, "not_registered", "the partner API answers that it did not register the webhook; ask Capa why"))
		}
		return nil
	}
	e, key := parseError(a.body), c.cfg.APIKey.Reveal()
	switch a.status {
	case http.StatusUnauthorized:
		return outage(keyRefused(e, key))
	case http.StatusForbidden:
		return outage(judge(a, pipeline.User{}, key))
	case http.StatusTooManyRequests:
		return outage(throttled(parseRetryAfter(a.retryAfter, c.now())))
	}
	if isRedirect(a.status) {
		return outage(redirected(a.status))
	}
	return outage(just(pipeline.Outage, "not_registered", fmt.Sprintf(
		"the partner API answered %d%s and did not register the webhook; check capa.base_url and the address, and ask Capa", a.status, said(e, key))))
}

// settings is the request that registers a webhook.
func (r requests) settings(address string) (http.Request, error) {
	body, err := json.Marshal(map[string]string{"url": address})
	if err != nil {
		return http.Request{}, fmt.Errorf("encode webhook settings: %w", err)
	}
	const path = "/api/partner/v2/webhook-settings"
	target := *r.base
	target.Path = r.base.Path + path
	if r.base.RawPath != "" {
		target.RawPath = r.base.EscapedPath() + path
	}
	req := *r.mint()
	req.Method = http.MethodPut
	req.URL = &target
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	return req, nil
}
