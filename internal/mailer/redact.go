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
	link  pipeline.Secret // of the mail; zero for none
	login cut             // the password, as it is and as AUTH sends it; nil for none
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
func (r redaction) withLink(link pipeline.Secret) redaction {
	r.link = link
	return r
}

// partsOf returns what cuts out the parts of a link, in whatever shape the
// server echoes them, nil for none, and its tokens in lower case.
func partsOf(link string) (parts cut, tokens []pipeline.Secret) {
	_, whole, found := strings.Cut(link, "://")
	start := strings.IndexAny(whole, "/?#")
	if !found || start < 0 {
		return nil, nil
	}
	tail := whole[start:] // path, query and fragment
	path, query := tail, ""
	if i := strings.IndexAny(tail, "?#"); i >= 0 {
		path, query = tail[:i], tail[i+1:]
	}
	patterns := []string{}
	add := func(part string, least int) {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			decoded = part
		}
		for _, p := range []string{part, decoded} {
			if len(p) >= least && utf8.ValidString(p) { // a pattern must be valid
				patterns = append(patterns, regexp.QuoteMeta(p))
			}
		}
	}
	for _, part := range append(strings.FieldsFunc(query, isAny("&;#")), tail, path, query) {
		add(part, minLinkPart)
	}
	for token := range strings.FieldsFuncSeq(tail, isAny("/?#&=;")) {
		add(token, minLinkToken)
		if len(token) >= minLinkToken && looksRandom(token) {
			tokens = append(tokens, pipeline.NewSecret(strings.ToLower(token)))
		}
	}
	if len(tail) > len("/") {
		add(whole, minLinkPart)
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	slices.SortFunc(patterns, func(a, b string) int { return len(b) - len(a) })
	return cutting(patterns, "[link]"), tokens
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
	if r.harmless(text) {
		return text
	}
	return r.scrub(text)
}

func (r redaction) scrub(text string) string {
	parts, tokens := partsOf(r.link.Reveal())
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
	if parts != nil {
		text = parts(text)
	}
	text = webLink.ReplaceAllLiteralString(text, "[link]")
	words := strings.Fields(text)
	for i, word := range words {
		if hasFragment(tokens, word) {
			words[i] = "[link]"
		}
	}
	text = strings.Join(words, " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	return text
}

// harmless tells that a text stays as it is, at a small part of what clean costs;
// nearly every answer to a mail is such a text. A text that it does not
// recognize may be harmless even so.
func (r redaction) harmless(text string) bool {
	if len(text) > maxText || !isPlain(text) || r.login != nil && r.login(text) != text {
		return false
	}
	lower, link := strings.ToLower(text), r.link.Reveal()
	if strings.Contains(lower, "http") {
		return false
	}
	decoded, err := url.PathUnescape(link)
	if err != nil || !isASCII(decoded) {
		return false
	}
	return !haveInCommon(lower, strings.ToLower(link)) && (decoded == link || !haveInCommon(lower, strings.ToLower(decoded)))
}

// isPlain tells whether the text is words of ASCII with one space between them,
// and without what all that looks like a link has: a slash or a question mark.
func isPlain(text string) bool {
	space := true // one here would be one too many
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ' && space, c < ' ', c > '~', c == '/', c == '?':
			return false
		default:
			space = c == ' '
		}
	}
	return !space || text == ""
}

// haveInCommon tells whether a piece of the text, long enough to be cut out of
// it, stands in the link as well.
func haveInCommon(text, link string) bool {
	for end := minLinkPart; end <= len(text); end++ {
		if strings.Contains(link, text[end-minLinkPart:end]) {
			return true
		}
	}
	return false
}

// hasFragment tells whether the word holds a piece of one of the tokens.
func hasFragment(tokens []pipeline.Secret, word string) bool {
	word = strings.ToLower(word)
	for start := range len(word) - minFragment + 1 {
		for _, token := range tokens {
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
