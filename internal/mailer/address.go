package mailer

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// address is a checked mail address, ready for a header and for an envelope.
// It is ASCII, its domain in A-labels (RFC 5890), so that no server needs
// SMTPUTF8 (RFC 6531) for it.
type address struct{ mail.Address }

var errHeaderText = errors.New("control characters or bytes that are not UTF-8")

// parseAddress checks a name for a header and an addr-spec of RFC 5322.
func parseAddress(name, spec string) (address, error) {
	name, err := headerText(name)
	if err != nil {
		return address{}, fmt.Errorf("the name has %w", err)
	}
	if isDotAtoms(spec) {
		return address{mail.Address{Name: name, Address: spec}}, nil // as nearly all are
	}
	if strings.ContainsFunc(spec, isControl) || !utf8.ValidString(spec) {
		return address{}, fmt.Errorf("the address has %w", errHeaderText)
	}
	parsed, err := mail.ParseAddress("<" + spec + ">")
	if err != nil {
		return address{}, fmt.Errorf("the address is not an addr-spec of RFC 5322")
	}
	at := strings.LastIndex(parsed.Address, "@")
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	if !isASCII(local) {
		return address{}, errors.New("the address may have only ASCII letters before the @")
	}
	if !isASCII(domain) {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return address{}, fmt.Errorf("the address's domain is not an internationalized name of RFC 5891")
		}
	}
	// An internationalized name may be made of what the conversion leaves out.
	if strings.Contains("."+domain+".", "..") {
		return address{}, errors.New("the address has no domain, or one with an empty part")
	}
	return address{mail.Address{Name: name, Address: local + "@" + domain}}, nil
}

// path is the address in angle brackets, its local part quoted if need be.
func (a address) path() string {
	if isDotAtoms(a.Address.Address) {
		return "<" + a.Address.Address + ">"
	}
	return (&mail.Address{Address: a.Address.Address}).String()
}

// isDotAtoms tells whether an addr-spec is words with dots between them on both
// sides of its one "@" (RFC 5322, section 3.2.3), of letters, digits and the few
// signs that addresses have, which net/mail reads and writes as they are at ten
// times the cost.
func isDotAtoms(spec string) bool {
	ats, inWord := 0, false
	for i := range len(spec) {
		switch c := spec[i]; {
		case isAlphanumeric(rune(c)) || c == '-' || c == '_' || c == '+':
			inWord = true
		case (c == '.' || c == '@') && inWord:
			inWord = false
			if c == '@' {
				ats++
			}
		default:
			return false
		}
	}
	return ats == 1 && inWord
}

func (a address) domain() string {
	return a.Address.Address[strings.LastIndex(a.Address.Address, "@")+1:]
}

// headerText checks text for a header. Control characters, line breaks above
// all, would let it break out of its header, and runs of spaces would let
// folding produce blank-looking lines; the former are refused and the latter
// narrowed.
func headerText(s string) (string, error) {
	if strings.ContainsFunc(s, isControl) || !utf8.ValidString(s) {
		return "", errHeaderText
	}
	if !strings.HasPrefix(s, " ") && !strings.HasSuffix(s, " ") && !strings.Contains(s, "  ") {
		return s, nil // as most texts are: nothing to narrow, nothing to copy
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " "), nil
}

// isControl also counts the line and paragraph separators of Unicode, which
// some programs take for line breaks.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
