package mailer

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the most characters of a text that are kept, and maxReplyText
// the most bytes that are looked at.
const (
	maxText      = 400
	maxReplyText = 8 << 10
)

// The least bytes of a part of a link that is cut out by itself: shorter ones
// hide nothing, and ordinary words would go with them. A single segment or
// value must be long enough to be a token rather than a name.
const (
	minLinkPart  = 4
	minLinkToken = 12
)

// webLink is a link, or something that looks like one without its scheme: a
// query, or any word with both a dot and a slash. A server may echo what a
// mail says, and a link in a mail is a secret.
var webLink = regexp.MustCompile(`(?i)\S*https?:\S*|\S*\.\S*/\S*|\S*/\S*\.\S*|\S*/\S*\?\S*=\S*|\S*\?\S*=\S*&\S*`)

// redaction makes a server's words safe to store and show. The zero value
// knows no link of its own and goes by what looks like one.
type redaction struct {
	parts *regexp.Regexp // of the link, the longest first; nil for none
}

// redactionOf knows the one link that the mail carries, so that its parts are
// found in whatever shape the server echoes them.
func redactionOf(link string) redaction {
	_, whole, found := strings.Cut(link, "://")
	start := strings.IndexAny(whole, "/?#")
	if !found || start < 0 {
		return redaction{}
	}
	tail := whole[start:] // path, query and fragment
	path, query := tail, ""
	if i := strings.IndexAny(tail, "?#"); i >= 0 {
		path, query = tail[:i], tail[i+1:]
	}
	parts := []string{}
	add := func(part string, least int) {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			decoded = part
		}
		for _, p := range []string{part, decoded} {
			if len(p) >= least && utf8.ValidString(p) { // a pattern must be valid
				parts = append(parts, regexp.QuoteMeta(p))
			}
		}
	}
	for _, part := range append(strings.FieldsFunc(query, isAny("&;#")), tail, path, query) {
		add(part, minLinkPart)
	}
	for token := range strings.FieldsFuncSeq(tail, isAny("/?#&=;")) {
		add(token, minLinkToken)
	}
	if len(tail) > len("/") {
		add(whole, minLinkPart)
	}
	if len(parts) == 0 {
		return redaction{}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return redaction{regexp.MustCompile("(?i)" + strings.Join(parts, "|"))}
}

func isAny(of string) func(rune) bool {
	return func(r rune) bool { return strings.ContainsRune(of, r) }
}

// clean returns the text in one line, without control or invisible characters
// and links, and not too long.
func (r redaction) clean(text string) string {
	// Links are redacted before the text is cut, since half a link might not
	// look like one. What is far too long goes first, up to a space.
	if len(text) > maxReplyText {
		text = text[:maxReplyText]
		text = text[:strings.LastIndexAny(text, " \r\n\t")+1]
	}
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, text)
	if r.parts != nil {
		text = r.parts.ReplaceAllLiteralString(text, "[link]")
	}
	text = webLink.ReplaceAllLiteralString(text, "[link]")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	return text
}

// cleanError shows a cause without what a server may have put into it.
type cleanError struct {
	err    error
	redact redaction
}

func (e *cleanError) Error() string { return e.redact.clean(e.err.Error()) }
func (e *cleanError) Unwrap() error { return e.err }
