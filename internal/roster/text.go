package roster

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText trims white space and refuses what has no place in one line of
// text. Control characters and line separators could add headers or lines to a
// mail, and bidirectional controls can make a text show as another one. They
// are Unicode's categories Cc, Zl and Zp and its property Bidi_Control.
func cleanText(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("is not valid UTF-8")
	}
	s = strings.TrimSpace(s)
	for _, r := range s {
		switch {
		case r == '\n', r == '\r':
			return "", errors.New("holds a line break")
		case unicode.IsControl(r):
			return "", fmt.Errorf("holds the control character %U", r)
		case r <= unicode.MaxLatin1:
			// None of the properties below begins this low.
		case unicode.In(r, unicode.Zl, unicode.Zp):
			return "", fmt.Errorf("holds the line separator %U", r)
		case unicode.Is(unicode.Bidi_Control, r):
			return "", fmt.Errorf("holds %U, which changes the direction of text", r)
		case r == utf8.RuneError:
			return "", fmt.Errorf("holds %U, which stands for characters that were lost before", r)
		}
	}
	return s, nil
}

// personName wants something to see: a name of invisible characters alone
// would greet nobody.
func personName(s string) (string, error) {
	visible := func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }
	if !strings.ContainsFunc(s, visible) {
		return "", errors.New("is blank")
	}
	return s, atMost(s, maxName)
}
