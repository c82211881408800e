package roster

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// The longest address and local part, in octets: RFC 5321, sections 4.5.3.1.1
// and 4.5.3.1.3 (a path of 256 octets includes the angle brackets).
const (
	maxAddress   = 254
	maxLocalPart = 64
)

// addrSpec accepts an addr-spec of RFC 5322, section 3.4.1, without comments
// and folding white space, and returns it with the domain as SMTP wants it.
// The local part keeps its case, since only its own host may interpret it.
func addrSpec(s string) (string, error) {
	if address, usual := usualAddress(s); usual {
		return address, nil
	}
	return parsedAddress(s)
}

// parsedAddress is addrSpec for every address there is.
func parsedAddress(s string) (string, error) {
	if !strings.Contains(s, "@") {
		return "", errors.New("has no @")
	}
	if len(s) > 4*maxAddress {
		// This bounds the parser's work; the exact check is below.
		return "", tooLong("address", len(s), maxAddress)
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return "", errors.New("is not an e-mail address of the form name@domain")
	}
	at := strings.LastIndex(parsed.Address, "@")
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	if strings.HasPrefix(domain, "[") {
		return "", errors.New("names an IP address instead of a domain")
	}
	// The parser forgives comments, spaces and a display name around the
	// address; only the plain spelling ends with "@domain" right after the
	// local part. A quoted local part comes back without its quotes.
	written, plain := strings.CutSuffix(s, "@"+domain)
	if !plain || parsed.Name != "" || (written != local && !strings.HasPrefix(written, `"`)) {
		return "", errors.New("must be the bare address name@domain, without a display name, brackets or comments")
	}
	for _, r := range local {
		if r > 0x7e {
			return "", fmt.Errorf("holds %q before the @: RFC 5322 allows ASCII only there", r)
		}
	}
	domain, err = domainName(domain)
	if err != nil {
		return "", err
	}
	// Only mail.Address knows when a local part needs its quotes.
	address := strings.Trim((&mail.Address{Address: local + "@" + domain}).String(), "<>")
	if n := strings.LastIndex(address, "@"); n > maxLocalPart {
		return "", tooLong("part before the @", n, maxLocalPart)
	}
	if len(address) > maxAddress {
		return "", tooLong("address", len(address), maxAddress)
	}
	return address, nil
}

// usualAddress recognizes the addresses that nearly everybody has, a dot-atom of
// RFC 5322 at a domain of letters, digits and hyphens, and returns what addrSpec
// makes of them without its parsers. Whatever it does not recognize may be
// good all the same.
func usualAddress(s string) (string, bool) {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > maxLocalPart || len(s) > maxAddress {
		return "", false
	}
	afterDot := true
	for i := range at {
		dot := s[i] == '.'
		if dot && afterDot || !dot && !isAtext(s[i]) {
			return "", false
		}
		afterDot = dot
	}
	if domain := s[at+1:]; afterDot || !usualDomain(domain) {
		return "", false
	}
	return s[:at+1] + strings.ToLower(s[at+1:]), true
}

// usualDomain tells whether domainName would only fold the case of s. A hyphen
// in both the third and the fourth place of a label can mean an A-label.
func usualDomain(s string) bool {
	labels, label, numeric := 0, 0, true // finished labels; octets and nature of the current one
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return false
			}
			labels, label, numeric = labels+1, 0, true
			continue
		case c == '-':
			if label == 0 || label == 3 && s[i-1] == '-' {
				return false
			}
			numeric = false
		case '0' <= c && c <= '9':
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			numeric = false
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return labels > 0 && label > 0 && !numeric && s[len(s)-1] != '-'
}

// isAtext is atext of RFC 5322, section 3.2.3.
func isAtext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// domainName returns the domain in lower-case A-labels (RFC 5890), the form
// that every SMTP server takes. The profile is that of UTS #46 for lookup,
// which folds case and width as a mail program would.
func domainName(s string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(s)
	if err != nil {
		return "", errors.New("has a domain that is not a valid domain name (IDNA)")
	}
	dot := strings.LastIndex(ascii, ".")
	if dot < 0 {
		return "", errors.New("has a domain without a dot")
	}
	if top := ascii[dot+1:]; strings.Trim(top, "0123456789") == "" {
		return "", errors.New("names an IP address instead of a domain")
	}
	return ascii, nil
}

func tooLong(what string, octets, limit int) error {
	return fmt.Errorf("has %d octets in the %s: at most %d are allowed", octets, what, limit)
}
