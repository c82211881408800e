package app

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxReason is the longest reason of an act, in characters. The audit log keeps
// it for ever and shows it in one line.
const maxReason = 500

// checkReason accepts one line of text for --reason; it may be empty.
func checkReason(reason string) error {
	breaks := func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	}
	if !utf8.ValidString(reason) || strings.ContainsFunc(reason, breaks) {
		return usage("--reason must be one line of text")
	}
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return usage("--reason has %d characters: at most %d are allowed", n, maxReason)
	}
	return nil
}
