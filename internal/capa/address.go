package capa

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckBaseURL tells whether raw can be [Config].BaseURL. Its error says what
// was expected and never repeats raw, which may hold a password.
func CheckBaseURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || hasUnsafeByte(raw):
		return errors.New("expected a URL such as https://production-api.capa.fi")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("expected a URL that begins with https://")
	case u.User != nil:
		return errors.New("expected no user name or password in it")
	case !hasServer(u):
		return errors.New("expected a host name or an IP address behind https://, with a port of 1 to 65535 or none")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return errors.New("expected no query and no fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("expected https: http would send the API key in the clear, so it is for loopback hosts only")
	}
	return nil
}

// CheckRedirectURI tells whether users may be sent to raw: an https address or
// the custom scheme of an app, but none of the schemes that a browser or an
// operating system acts on by itself. Its error says what was expected and
// repeats no more of raw than its scheme.
func CheckRedirectURI(raw string) error {
	const expected = `expected an https address or a custom scheme such as "myapp://kyc/done"`
	refused := []string{
		"about", "blob", "chrome", "content", "data", "file", "filesystem", "ftp", "http", "intent",
		"jar", "javascript", "mailto", "resource", "sms", "smsto", "tel", "vbscript", "view-source", "ws", "wss",
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || hasUnsafeByte(raw):
		return errors.New(expected + ", in ASCII and without blanks, quotes or angle brackets")
	case len(raw) > maxURL:
		return fmt.Errorf("%s, of at most %d bytes", expected, maxURL)
	case u.User != nil:
		return errors.New(expected + ", without a user name or password")
	case slices.Contains(refused, u.Scheme):
		return fmt.Errorf("%s, not the scheme %s", expected, u.Scheme)
	case u.Scheme == "" || !strings.HasPrefix(raw[len(u.Scheme):], "://"):
		return errors.New(expected)
	case u.Scheme == "https" && !hasServer(u):
		return errors.New(expected + ", with a host")
	}
	return nil
}

// checkOptionalRedirect is [CheckRedirectURI] where empty sends none.
func checkOptionalRedirect(raw string) error {
	if raw == "" {
		return nil
	}
	return CheckRedirectURI(raw)
}

// CheckLinkHost tells whether host can be one of [Config].LinkHosts.
func CheckLinkHost(host string) error {
	if !isHostName(strings.TrimPrefix(host, ".")) {
		return errors.New(`expected a host name such as "kyc.example.com", or ".example.com" for all below it, without scheme, port or path`)
	}
	return nil
}

// hasServer tells whether the URL names a host, and no port that can't exist.
func hasServer(u *url.URL) bool {
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && !isHostName(u.Hostname()) {
		return false
	}
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
