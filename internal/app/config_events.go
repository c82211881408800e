package app

import (
	"errors"
	"net/url"
	"strings"

	"alta/internal/herald"
	"alta/pipeline"
)

// EventsConfig says whom to tell what happened.
type EventsConfig struct {
	URL        string          `toml:"url"` // "" is nobody
	SecretFile string          `toml:"secret_file"`
	Secret     pipeline.Secret `toml:"-"` // signs what is told
}

func (k *configCheck) events() {
	if c := k.config.Events; c.URL != "" {
		k.follow("events.url", c.URL, checkEventsURL)
	}
}

// checkEventsURL accepts an address to which what is told goes unread. It may be a
// private one: whoever sets it operates alta.
func checkEventsURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || !hasCleanHost(u) || u.Scheme != "https" && u.Scheme != "http":
		return errors.New(`expected an https address such as "https://acme.example/hooks/alta"`)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("expected https: http would show who verifies to whoever listens, so it is for loopback hosts only")
	case strings.ContainsAny(s, "?#"):
		return errors.New("expected an address without a query: what alta tells is known by its signature, and addresses stand in logs")
	}
	return nil
}

// eventsKey returns the key that signs events, or a [*ConfigError] that names what is
// missing.
func (c *Config) eventsKey() (herald.Key, error) {
	const setting = "events.secret_file"
	for _, p := range c.secrets {
		if p.Setting == setting {
			return herald.Key{}, configError([]ConfigProblem{p})
		}
	}
	if c.Events.URL == "" {
		return herald.Key{}, configError([]ConfigProblem{c.problem("events.url", "not set, expected the https address of a program that hears what happens")})
	}
	key, err := herald.ParseSecret(c.Events.Secret)
	if err != nil {
		return key, configError([]ConfigProblem{c.problem(setting, "events.url needs a secret there, or in ALTA_EVENTS_SECRET: "+err.Error())})
	}
	return key, nil
}
