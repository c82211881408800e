package templates

import (
	"regexp"
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

// linkLike matches what has a place in a link and none in a name: a slash, an
// address, a coded international domain, and the characters that IDNA maps to a
// dot (UTS #46, section 2.3) or that look like one.
var linkLike = regexp.MustCompile(`[/@\x{2024}\x{3002}\x{FF0E}\x{FF61}]|(?i:xn--)`)

// greetingName returns the name as a greeting can use it, or "" when it can't:
// the whole name, since the order of given names and surnames can't be guessed,
// on one line and without invisible characters. A name without a letter, one
// that a mail program would turn into a link and one that may hold a telephone
// number are not greeted: whoever signs up with somebody else's address chooses
// the name, and the brand must not carry that message.
func greetingName(name string) string {
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
		countDigits(name) > maxNameDigits || linkLike.MatchString(name) || holdsHost(name) {
		return ""
	}
	return name
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
