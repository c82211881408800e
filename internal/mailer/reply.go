package mailer

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// maxText is the most characters of a reply that are kept, and maxReplyText
// the most bytes that are looked at.
const (
	maxText      = 400
	maxReplyText = 8 << 10
)

var (
	// enhancedCode is a status of RFC 3463, section 2, at the start of a text.
	enhancedCode = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})(?:\s|$)`)

	// webLink is a link, or something that looks like one without its scheme.
	// A server may echo what a mail says, and a link in a mail is a secret.
	webLink = regexp.MustCompile(`(?i)\S*https?:\S*|\S*/\S*\?\S*=\S*|\S*\?\S*=\S*&\S*`)
)

// reply is an SMTP reply (RFC 5321, section 4.2).
type reply struct {
	code            int
	enhanced        bool // the text begins with a status that agrees with the code
	subject, detail int  // of that status: X.subject.detail
	text            string
}

// newReply reads a reply whose lines are joined by newlines. A status of
// another class than the code is not believed (RFC 2034, section 4).
func newReply(code int, text string) reply {
	r := reply{code: code, text: clean(text)}
	m := enhancedCode.FindStringSubmatch(strings.TrimLeft(text, " "))
	if m == nil || m[1] != strconv.Itoa(code/100) {
		return r
	}
	// At most three digits always fit.
	r.subject, _ = strconv.Atoi(m[2])
	r.detail, _ = strconv.Atoi(m[3])
	r.enhanced = true
	return r
}

// String returns the code and the text.
func (r reply) String() string {
	return strings.TrimSuffix(strconv.Itoa(r.code)+" "+r.text, " ")
}

// status returns the enhanced status, or else the code.
func (r reply) status() string {
	if !r.enhanced {
		return strconv.Itoa(r.code)
	}
	return strconv.Itoa(r.code/100) + "." + strconv.Itoa(r.subject) + "." + strconv.Itoa(r.detail)
}

// clean makes a server's words safe to store and show: one line, no control or
// invisible characters, no links, not too long.
func clean(text string) string {
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
	text = webLink.ReplaceAllString(text, "[link]")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	return text
}

// cleanError shows a cause without what a server may have put into it.
type cleanError struct{ err error }

func (e *cleanError) Error() string { return clean(e.err.Error()) }
func (e *cleanError) Unwrap() error { return e.err }
