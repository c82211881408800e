package templates

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameRunes is the longest name that is greeted; people's full names and
// companies' legal names stay well below.
const maxNameRunes = 100

// linkLike matches what mail programs turn into a link by themselves: a
// scheme, an address, or a dot in the middle of a word.
var linkLike = regexp.MustCompile(`://|@|[\pL\pN]\.[\pL\pN]{2,}`)

// greetingName returns the name as a greeting can use it, or "" when it can't:
// the whole name, since the order of given names and surnames can't be guessed,
// on one line and without invisible characters. A name without a letter or a
// name that a mail program would turn into a link is not greeted: whoever
// signs up with somebody else's address chooses the name, and the brand must
// not carry that message.
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
	if !strings.ContainsFunc(name, unicode.IsLetter) ||
		utf8.RuneCountInString(name) > maxNameRunes || linkLike.MatchString(name) {
		return ""
	}
	return name
}
