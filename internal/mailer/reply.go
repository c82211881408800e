package mailer

import (
	"regexp"
	"strconv"
	"strings"
)

// enhancedCode is a status of RFC 3463, section 2, at the start of a text.
var enhancedCode = regexp.MustCompile(`^([45])\.(\d{1,3})\.(\d{1,3})(?:\s|$)`)

// reply is an SMTP reply (RFC 5321, section 4.2).
type reply struct {
	code            int
	enhanced        bool // the text begins with a status that agrees with the code
	subject, detail int  // of that status: X.subject.detail
	ours            bool // its words are about the sender or the mail
	grey            bool // its words are those of greylisting
	text            string
}

// newReply reads a reply whose lines are joined by newlines. A status of
// another class than the code is not believed (RFC 2034, section 4). Of one that
// refuses nothing only the code and the text count.
func newReply(code int, text string, redact redaction) reply {
	if code/100 != 4 && code/100 != 5 {
		return reply{code: code, text: redact.clean(text)}
	}
	r := reply{code: code, ours: speaksOfUs(text), grey: speaksOfGreylisting(text), text: redact.clean(text)}
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

// telling says whether the status names a subject; X.0.0 tells nothing.
func (r reply) telling() bool { return r.enhanced && r.subject != 0 }

// blamesSender tells whether a 5xx reply is about our address, login,
// encryption or authentication of mail. Servers often save such a refusal for
// RCPT TO, but every user would meet it.
func (r reply) blamesSender() bool {
	switch r.code {
	case 523, 530, 534, 535, 538: // encryption or a login is missing (RFC 4954)
		return true
	}
	switch {
	case !r.enhanced:
		return false
	case r.subject == 1:
		return r.detail == 7 || r.detail == 8 // the sender's address
	case r.subject == 7:
		// 8 to 14 are login and encryption (RFC 4954, RFC 5248); 20 to 29 are
		// DKIM, SPF, reverse DNS and null MX (RFC 7372, RFC 7505).
		return r.detail >= 8 && r.detail <= 14 || r.detail >= 20 && r.detail <= 29
	}
	return false
}

// blamesMailbox tells whether a 5xx reply to RCPT TO is about the user's
// address. Without a status the code counts, unless the words are about us:
// "550 relay not permitted" is as common as "550 no such user". 554 never
// does, since servers refuse clients and policies with it.
func (r reply) blamesMailbox() bool {
	if r.telling() {
		return r.subject == 1 || r.subject == 2 && r.detail == 1 // the address, or a disabled mailbox
	}
	switch r.code {
	case 550, 551, 553, 556:
		return !r.ours
	}
	return false
}
