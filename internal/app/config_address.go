package app

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

var (
	urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// databasePath returns the SQLite file that a database.url names: a bare path,
// "sqlite:PATH", "file:PATH", or either with "//" in front of an absolute path.
func databasePath(address string) (string, error) {
	const expected = `expected a path to an SQLite file such as "alta.db" or "sqlite:/var/lib/alta/alta.db", or "postgres://…"`
	scheme := strings.ToLower(strings.TrimSuffix(urlScheme.FindString(address), ":"))
	path := address
	switch scheme {
	case "":
	case "sqlite", "file":
		path = address[len(scheme)+1:]
		if rest, ok := strings.CutPrefix(path, "//"); ok {
			if !strings.HasPrefix(rest, "/") {
				return "", fmt.Errorf("found %q with a host or a relative path behind \"//\", %s", scheme, expected)
			}
			path = rest
		}
	default:
		return "", fmt.Errorf("found the unknown scheme %q, %s", scheme, expected)
	}
	switch {
	case path == "":
		return "", errors.New("found no path, " + expected)
	case strings.Contains(path, ":memory:"):
		return "", errors.New(`found ":memory:", which forgets who was mailed; ` + expected)
	case strings.Contains(path, "?"):
		return "", errors.New(`found options behind "?", but alta sets its own; ` + expected)
	}
	return path, nil
}

// parseMailbox reads an RFC 5322 mailbox, with or without a display name, that
// any server can carry: the local part is ASCII, since not every server speaks
// SMTPUTF8, and an international domain is turned to ASCII by IDNA.
func parseMailbox(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, err
	}
	at := strings.LastIndexByte(a.Address, '@')
	local := a.Address[:at]
	if strings.ContainsFunc(local, func(r rune) bool { return r > '~' || r < ' ' }) {
		return nil, errors.New("local part is not ASCII")
	}
	domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
	if err != nil {
		return nil, err
	}
	if !isHostName(domain) {
		return nil, errors.New("domain is no host name")
	}
	a.Address = local + "@" + domain
	return a, nil
}

func domainOf(a *mail.Address) string {
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}

// isPlainAddress tells whether s is a mail address without a display name.
func isPlainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, err = parseMailbox(s)
	return err == nil
}

func isHTTPS(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && hasCleanHost(u)
}

// hasCleanHost tells whether the URL has a host, no user info and a port, if
// any, that can exist.
func hasCleanHost(u *url.URL) bool {
	return u.User == nil && isHost(u.Hostname()) && (u.Port() == "" || isPort(u.Port())) && !strings.HasSuffix(u.Host, ":")
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || isHostName(s)
}

// isHostName tells whether s follows RFC 1123; an international name stands
// there in its ASCII form.
func isHostName(s string) bool { return len(s) <= 253 && hostName.MatchString(s) }

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// isAddressLiteral tells whether s is an address literal of RFC 5321, "[192.0.2.1]"
// or "[IPv6:2001:db8::1]".
func isAddressLiteral(s string) bool {
	inner, open := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	v6, isV6 := strings.CutPrefix(inner, "IPv6:")
	ip, err := netip.ParseAddr(v6)
	return open && closed && err == nil && ip.Zone() == "" && ip.Is6() == isV6
}

// isListenAddress tells whether s is HOST:PORT. Port 0 takes any free one.
func isListenAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && (host == "" || isHost(host)) && (port == "0" || isPort(port))
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
