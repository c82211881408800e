package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http"

	"alta/internal/intake"
)

// checkWebhook tells whether the partner's webhooks come through. While nobody
// answers it only warns: alta may not have been started yet.
func (a *app) checkWebhook(ctx context.Context, add func(string, string, error), warn func(string, string)) {
	const check = "webhook"
	address := a.config.webhookURL()
	err := a.probeWebhook(ctx, address)
	if errors.Is(err, intake.ErrSilent) {
		warn(check, "a test event does not come through while alta does not serve: "+err.Error())
		return
	}
	add(check, "a signed test event came through at "+address, err)
}

// probeWebhook sends a signed test event to the address, over the same ways as the
// partner's would come.
func (a *app) probeWebhook(ctx context.Context, address string) error {
	transport := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	return intake.Probe(ctx, transport, address, a.config.Webhook.Secrets()[0], rand.Reader)
}
