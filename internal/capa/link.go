package capa

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// checkLink tells whether a link may be mailed. problem is "" when it may;
// hostile tells a link that could take users elsewhere from a text that is no
// URL at all. Neither contains any part of the link. local is [Config.local].
func checkLink(raw string, hosts []string, local bool) (problem string, hostile bool) {
	switch {
	case raw == "":
		return "the link is empty", false
	case len(raw) > maxURL:
		return "the link is longer than 2048 bytes", true
	case strings.ContainsFunc(raw, unicode.IsControl):
		return "the link holds control characters", true
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil && authority.MatchString(raw):
		return "the link is a URL that can't be read", true
	case err != nil, u.Scheme == "" && u.Host == "":
		return "the link is not a URL", false
	case hasUnsafeByte(raw):
		return "the link holds blanks or characters that no URL has", true
	case u.Scheme != "https" && !(local && staysHere(u)):
		return "the link is not https", true
	case u.Host == "":
		return "the link names no host", true
	case u.User != nil:
		return "the link holds a user name", true
	case u.Scheme == "http":
		if !slices.Contains(hosts, strings.ToLower(u.Hostname())) {
			return "the link's host is not in capa.link_hosts, which has to name a host of this machine", true
		}
		return "", false
	case strings.Contains(u.Host, ":"):
		return "the link names a port or an IPv6 address", true
	case !isHostName(u.Host):
		return "the link's host is not a host name", true
	case !hostAllowed(u.Host, hosts):
		return "the link's host is not in capa.link_hosts", true
	}
	return "", false
}

// staysHere tells whether the URL leads by http to this machine, at whatever port.
func staysHere(u *url.URL) bool {
	return u.Scheme == "http" && isLoopback(u.Hostname()) && hasServer(u)
}

// authority finds the beginning of what names a host (RFC 3986, section 3.2),
// also behind the blanks that browsers drop. net/url can't read some of those,
// and browsers read them in their own way.
var authority = regexp.MustCompile(`^[\s\p{Z}]*([A-Za-z][A-Za-z0-9+.-]*:)?//`)

// hasUnsafeByte finds what RFC 3986 allows in no URL and what browsers read in
// their own way: a backslash, for one, ends the host in a browser but not in
// net/url.
func hasUnsafeByte(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b >= 0x7f || b == '\\' || b == '"' || b == '<' || b == '>' {
			return true
		}
	}
	return false
}

// isHostName follows RFC 1123: labels of letters, digits and inner hyphens. An
// international name stands there in its ASCII form.
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, b := range []byte(label) {
			if !isAlnum(b) && b != '-' {
				return false
			}
		}
	}
	return true
}

func isAlnum(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func hostAllowed(host string, hosts []string) bool {
	host = strings.ToLower(host)
	for _, h := range hosts {
		if host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			return true
		}
	}
	return len(hosts) == 0
}
