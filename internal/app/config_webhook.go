package app

import (
	"errors"
	"slices"
	"strings"

	"alta/internal/intake"
	"alta/pipeline"
)

// WebhookConfig holds the secrets that sign the partner's webhooks.
type WebhookConfig struct {
	SecretFile         string          `toml:"secret_file"`
	Secret             pipeline.Secret `toml:"-"`
	PreviousSecretFile string          `toml:"previous_secret_file"`
	Previous           pipeline.Secret `toml:"-"` // accepted as well, while the secret is being changed
}

// Secrets returns those that a webhook may be signed with, none when none is set.
func (c WebhookConfig) Secrets() []pipeline.Secret {
	return slices.DeleteFunc([]pipeline.Secret{c.Secret, c.Previous}, pipeline.Secret.IsZero)
}

// warnWebhook warns of a secret that nothing is signed with.
func (c *Config) warnWebhook() {
	if len(c.Webhook.Secrets()) > 0 && c.Public.Listen == "" {
		c.Warnings = append(c.Warnings, "a webhook secret is set, but public.listen is not: no webhook comes in")
	}
}

// webhookURL is where the partner reaches the webhook, "" while the world has no
// address for it.
func (c *Config) webhookURL() string {
	if c.Public.BaseURL == "" {
		return ""
	}
	return c.Public.BaseURL + intake.Path
}

// Asks tells whether the partner API is asked where the user stands before this
// delivery's link is minted. One without a step is the wish of a user who has
// opened a lasting link.
func (c CapaConfig) Asks(d *pipeline.Delivery) bool {
	switch c.CheckStatus {
	case "always":
		return true
	case "reminders":
		return d.Step == pipeline.Reminder || d.Step == pipeline.Reissue
	}
	return false
}

// checkPartner returns a [*ConfigError] that names what a call of the partner API
// still needs.
func (c *Config) checkPartner() error {
	mistakes, ok := errors.AsType[*ConfigError](c.CheckReady())
	if !ok {
		return nil
	}
	return configError(slices.DeleteFunc(slices.Clone(mistakes.Problems), func(p ConfigProblem) bool {
		return !strings.HasPrefix(p.Setting, "capa.")
	}))
}

// checkWebhookSecret returns a [*ConfigError] when there is no secret to sign a
// test event with.
func (c *Config) checkWebhookSecret() error {
	if len(c.Webhook.Secrets()) > 0 {
		return nil
	}
	for _, p := range c.secrets {
		if strings.HasPrefix(p.Setting, "webhook.") {
			return configError([]ConfigProblem{p})
		}
	}
	return configError([]ConfigProblem{c.problem("webhook.secret_file",
		"not set, expected a file with the secret that signs the partner's webhooks, or ALTA_WEBHOOK_SECRET in the environment")})
}
