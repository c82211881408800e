package capa

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"alta/pipeline"
)

const (
	defaultTimeout     = 15 * time.Second
	defaultConnections = 2
	maxURL             = 2 << 10 // bytes, for links and redirect URIs
)

// Config says how to reach the partner API and what to accept from it.
type Config struct {
	// BaseURL is https://host[:port][/path]; http is accepted on loopback
	// hosts only, for the sandbox and for tests.
	BaseURL string

	// APIKey goes out in the header partner-api-key of every call.
	APIKey pipeline.Secret

	// RedirectURI is where users land after the verification: https://… or a
	// custom scheme such as myapp://… Empty sends none.
	RedirectURI string

	// RedirectURIs overrides RedirectURI for users of a country.
	RedirectURIs map[pipeline.Country]string

	// LinkHosts lists the hosts that a link may name: "kyc.example.com" is
	// that host alone, ".example.com" is any host below it, at any depth, but
	// not example.com itself. Empty accepts any https host. A link by http is
	// accepted where BaseURL is http too, so on this machine alone, and only to a
	// loopback host that is listed: the sandbox's own pages.
	LinkHosts []string

	// Timeout bounds one call, from the dial to the last byte of the answer.
	// 0 means 15 s.
	Timeout time.Duration

	// Rate is the most requests per second, evenly spaced; 0 is unlimited.
	Rate float64

	// Connections is the most calls at one time; 0 means two. The client
	// begins with fewer and backs off when the API is overloaded. So many
	// connections are opened and kept, too.
	Connections int
}

// validate checks every setting and returns the form the client works with.
// Its errors name the setting and what was expected, never the value: a URL may
// carry a password.
func (c Config) validate() (Config, error) {
	if err := CheckBaseURL(c.BaseURL); err != nil {
		return c, fmt.Errorf("capa.base_url: %w", err)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if err := checkKey(c.APIKey.Reveal()); err != nil {
		return c, fmt.Errorf("capa API key: %w", err)
	}
	if err := checkOptionalRedirect(c.RedirectURI); err != nil {
		return c, fmt.Errorf("capa.redirect_uri: %w", err)
	}
	for country, uri := range c.RedirectURIs {
		if !supported(country) {
			return c, fmt.Errorf("redirect URI for country %q: the partner API verifies MX and DO only", country)
		}
		if err := checkOptionalRedirect(uri); err != nil {
			return c, fmt.Errorf("redirect URI for country %s: %w", country, err)
		}
	}
	hosts := make([]string, 0, len(c.LinkHosts))
	for _, host := range c.LinkHosts {
		if err := CheckLinkHost(host); err != nil {
			return c, fmt.Errorf("capa.link_hosts: %w", err)
		}
		hosts = append(hosts, strings.ToLower(host))
	}
	c.LinkHosts = hosts
	switch {
	case c.Timeout < 0:
		return c, errors.New("capa.timeout: must not be negative")
	case c.Rate < 0 || math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0):
		return c, errors.New("capa.rate: must be a number of requests per second, or 0 for no limit")
	case c.Connections < 0:
		return c, errors.New("capa connections: must not be negative")
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.Connections = cmp.Or(c.Connections, defaultConnections)
	return c, nil
}

// local tells whether the partner API is a stand-in on this machine, which no
// partner's is: only then may a link lead to a page beside it. It asks for both
// marks itself, so that nothing hangs on who has checked the settings before.
func (c Config) local() bool {
	u, err := url.Parse(c.BaseURL)
	return err == nil && u.Scheme == "http" && isLoopback(u.Hostname())
}

// redirectFor returns the redirect URI for users of the country.
func (c Config) redirectFor(country pipeline.Country) string {
	if uri, ok := c.RedirectURIs[country]; ok {
		return uri
	}
	return c.RedirectURI
}

// supported tells whether the partner API verifies identities there.
func supported(c pipeline.Country) bool { return c == pipeline.MX || c == pipeline.DO }

// checkKey refuses what can't stand in a header field (RFC 9110 section 5.5)
// and the blanks that a careless copy brings along.
func checkKey(key string) error {
	if key == "" {
		return errors.New("is missing; set capa.api_key_file or ALTA_CAPA_API_KEY")
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b >= 0x7f {
			return errors.New("must not hold blanks, control characters or characters outside ASCII; check the file for a stray line")
		}
	}
	return nil
}
