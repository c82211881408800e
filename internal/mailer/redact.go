package mailer

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"alta/pipeline"
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

// minFragment is how many bytes of a token in a row give it away. A long link
// is folded in the body of a mail (RFC 2045, section 6.7), so that a server
// which quotes a line of it quotes a part of the token.
const minFragment = 8

// minPassword is the length from which a password is looked for: it would not
// hide anything to cut a shorter one out of every word that holds it.
const minPassword = 4

// webLink is a link, or something that looks like one without its scheme: a
// query, or any word with both a dot and a slash. A server may echo what a
// mail says, and a link in a mail is a secret.
var webLink = regexp.MustCompile(`(?i)\S*https?:\S*|\S*\.\S*/\S*|\S*/\S*\.\S*|\S*/\S*\?\S*=\S*|\S*\?\S*=\S*&\S*`)

// redaction makes a server's words safe to store and show. The zero value
// knows no secret of its own and goes by what looks like a link.
type redaction struct {
	parts  cut               // of the link; nil for none
	tokens []pipeline.Secret // of the link, in lower case
	login  cut               // the password, as it is and as AUTH sends it; nil for none
}

// cut puts a mark where a secret stands in a text. It is a function because
// package fmt prints a pattern, and no function.
type cut func(text string) string

// cutting finds any of the patterns, the first that matches, in letters of any case.
func cutting(patterns []string, mark string) cut {
	all := regexp.MustCompile("(?i)(?:" + strings.Join(patterns, "|") + ")")
	return func(text string) string { return all.ReplaceAllLiteralString(text, mark) }
}

// redactionOfLogin knows the password, since a server may repeat what it was
// sent: as it is, or in the base64 of PLAIN, LOGIN (RFC 4954) and XOAUTH2.
func redactionOfLogin(username, password string) redaction {
	if len(password) < minPassword {
		return redaction{}
	}
	var forms []string
	for _, sent := range []string{
		password, "\x00" + username + "\x00" + password, "user=" + username + "\x01auth=Bearer " + password + "\x01\x01",
	} {
		forms = append(forms, regexp.QuoteMeta(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(sent)), "="))+"=*")
	}
	return redaction{login: cutting(append(forms, regexp.QuoteMeta(oneLine(password))), "[password]")}
}

// withLink also knows the link of one mail.
func (r redaction) withLink(link string) redaction {
	of := redactionOf(link)
	of.login = r.login
	return of
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
	var tokens []pipeline.Secret
	for token := range strings.FieldsFuncSeq(tail, isAny("/?#&=;")) {
		add(token, minLinkToken)
		if len(token) >= minLinkToken && looksRandom(token) {
			tokens = append(tokens, pipeline.NewSecret(strings.ToLower(token)))
		}
	}
	if len(tail) > len("/") {
		add(whole, minLinkPart)
	}
	if len(parts) == 0 {
		return redaction{}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return redaction{parts: cutting(parts, "[link]"), tokens: tokens}
}

// looksRandom tells a token from a name such as "verification-link", whose
// parts are ordinary words.
func looksRandom(token string) bool {
	return strings.ContainsAny(token, "0123456789") || strings.ToLower(token) != token && strings.ToUpper(token) != token
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
	text = oneLine(text)
	if r.login != nil {
		text = r.login(text)
	}
	if r.parts != nil {
		text = r.parts(text)
	}
	text = webLink.ReplaceAllLiteralString(text, "[link]")
	words := strings.Fields(text)
	for i, word := range words {
		if r.hasFragment(word) {
			words[i] = "[link]"
		}
	}
	text = strings.Join(words, " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	return text
}

// hasFragment tells whether the word holds a piece of one of the tokens.
func (r redaction) hasFragment(word string) bool {
	word = strings.ToLower(word)
	for start := range len(word) - minFragment + 1 {
		for _, token := range r.tokens {
			if strings.Contains(token.Reveal(), word[start:start+minFragment]) {
				return true
			}
		}
	}
	return false
}

// oneLine turns line breaks and control characters into spaces, and drops what
// can't be seen.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// cleanError shows a cause without what a server may have put into it.
type cleanError struct {
	err    error
	redact redaction
}

func (e *cleanError) Error() string { return e.redact.clean(e.err.Error()) }
func (e *cleanError) Unwrap() error { return e.err }
