package templates

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

const (
	// maxNameRunes is the longest name that is greeted; people's full names and
	// companies' legal names stay well below.
	maxNameRunes = 100
	// maxNameDigits leaves room for the year that some companies carry and none
	// for a subscriber's telephone number.
	maxNameDigits = 5
	// maxAbbreviation is the length of "Prof", "Mtra" and "Srta".
	maxAbbreviation = 4
)

// linkCharacters have a place in a link and none in a name: a slash, the sign of an
// address, and the characters that IDNA maps to a dot (UTS #46, section 2.3) or
// that look like one.
const linkCharacters = "/@\u2024\u3002\uFF0E\uFF61"

// greetingName returns the name as a greeting can use it, or "" when it can't:
// the whole name, since the order of given names and surnames can't be guessed,
// on one line and without invisible characters. A name without a letter, one
// that a mail program would turn into a link and one that may hold a telephone
// number are not greeted: whoever signs up with somebody else's address chooses
// the name, and the brand must not carry that message.
func greetingName(name string) string {
	if isPlain(name) {
		return name
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	if !strings.ContainsFunc(name, unicode.IsLetter) || utf8.RuneCountInString(name) > maxNameRunes ||
		countDigits(name) > maxNameDigits || linkLike(name) || holdsHost(name) {
		return ""
	}
	return name
}

// isPlain tells whether a name is words of letters with one space between them. Most
// names are; all that greetingName changes or refuses needs another character, or
// too many.
func isPlain(name string) bool {
	last, n := ' ', 0
	for _, r := range name {
		if !unicode.IsLetter(r) && (r != ' ' || last == ' ') {
			return false
		}
		last = r
		n++
	}
	return last != ' ' && n <= maxNameRunes
}

// linkLike tells whether the name holds one of the linkCharacters or the prefix of a
// coded international domain, in any case.
func linkLike(name string) bool {
	return strings.ContainsAny(name, linkCharacters) ||
		strings.Contains(name, "--") && strings.Contains(strings.ToLower(name), "xn--")
}

func countDigits(name string) int {
	n := 0
	for _, r := range name {
		if unicode.IsNumber(r) {
			n++
		}
	}
	return n
}

// holdsHost tells whether the name has a dot that a mail program may take for
// one of a host name: it stands within a word and neither parts initials, as in
// S.A.P.I., nor ends an abbreviation, as in Ma.Guadalupe.
func holdsHost(name string) bool {
	if !strings.Contains(name, ".") {
		return false
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool {
		return r != '.' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
	}) {
		labels := strings.Split(word, ".")
		for i, after := range labels[1:] {
			before := labels[i]
			if before != "" && utf8.RuneCountInString(after) > 1 && !abbreviates(before, after) {
				return true
			}
		}
	}
	return false
}

// abbreviates tells whether before is a short capitalized abbreviation and
// after a capitalized word that is no top-level domain, so that Ma.Guadalupe is
// a name and Ma.Com is not. Words outside the Latin script are not looked up:
// their domains stand in the list in coded form.
func abbreviates(before, after string) bool {
	first, _ := utf8.DecodeRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	if !unicode.IsUpper(first) || !unicode.IsUpper(next) || !unicode.Is(unicode.Latin, next) ||
		utf8.RuneCountInString(before) > maxAbbreviation {
		return false
	}
	_, listed := publicsuffix.PublicSuffix(strings.ToLower(after))
	return !listed
}
