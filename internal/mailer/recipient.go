package mailer

import (
	"strings"
	"unicode"
)

// maxDigits is the most digits in a name that is shown: a telephone number has
// more.
const maxDigits = 5

// lures are characters of links and addresses: slashes and at signs, also in
// full width, and what passes for the dot of a host name (UTS #46) or looks
// like it. The dot itself stays, for initials.
const lures = "/\uff0f@\uff20\ufe6b\u3002\uff0e\uff61\u2024"

// recipient is the user's address for the header To and for the envelope.
func recipient(name, spec string) (address, error) {
	to, err := parseAddress(name, spec)
	to.Name = displayName(to.Name)
	return to, err
}

// displayName returns the name as To shows it, empty if it may carry a message
// of its own. Whoever signs up chooses the name, and mail programs show it, so
// a stranger could have a scammer's link or telephone number mailed from our
// address.
func displayName(name string) string {
	digits := 0
	for _, r := range name {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > maxDigits || strings.ContainsAny(name, lures) || strings.Contains(strings.ToLower(name), "http") {
		return ""
	}
	return name
}
