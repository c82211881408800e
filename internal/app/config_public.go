package app

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// maxBaseURL leaves room for a token in the longest line that a mail may have, and
// is far above what anybody uses.
const maxBaseURL = 200

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

func (k *configCheck) public() {
	c := &k.config.Public
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.BaseURL != "" {
		k.follow("public.base_url", c.BaseURL, checkPublicURL)
	}
	operator := k.config.Operator.Listen
	k.require(c.Listen == "" || isListenAddress(c.Listen), "public.listen", c.Listen, listenExpected)
	k.require(!sameListener(operator, c.Listen), "public.listen", c.Listen,
		"another address than operator.listen: the world must not reach the operator's page")
	switch {
	case k.refused["public.base_url"]:
	case c.BaseURL != "" && c.Listen == "" && !isPostgres(k.config.Database.URL):
		k.fail("public.listen", `not set, expected "HOST:PORT": nobody but this machine can answer the links that lead to public.base_url`)
	case c.BaseURL != "" && c.Listen == "":
		k.warn("public.base_url: the links in mails lead there, but public.listen is off, so this machine answers none; another one must")
	case c.BaseURL == "" && c.Listen != "":
		k.warn("public.listen: without public.base_url mails carry the KYC links themselves; only the webhook is answered there")
	case strings.HasPrefix(c.BaseURL, "http:"):
		k.warn("public.base_url: it is on this machine, so nobody else can open the links in mails")
	}
}

// checkPublicURL accepts the address that users' links begin with: short and plain, so
// that every mail program and every header carries it as it is.
func checkPublicURL(s string) error {
	const expected = `expected an https address without a query such as "https://kyc.acme.example"`
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || !hasCleanHost(u):
		return errors.New(expected)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("expected https: http would show the links of users to whoever listens, so it is for loopback hosts only")
	case u.Scheme != "https" && u.Scheme != "http", strings.ContainsAny(s, "?#"):
		return errors.New(expected)
	case !basePath.MatchString(u.EscapedPath()):
		return errors.New("expected a path of letters, digits and - . _ ~ only")
	case len(s) > maxBaseURL:
		return errors.New("expected at most 200 bytes")
	}
	return nil
}

// sameListener tells whether two listeners would take the same port: any address of
// a machine is one of all.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && portA != "0" &&
		(strings.EqualFold(hostA, hostB) || isEvery(hostA) || isEvery(hostB))
}

func isEvery(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
