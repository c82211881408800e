package web

import "strings"

// Cause is what a fault code means, in plain words.
type Cause struct {
	Title string // what is wrong, in a few words
	What  string // what that means for the mails
	Next  string // what to do
}

// causes are the words for fault codes, by what [causeKey] makes of them.
type causes map[string]Cause

// of returns what the code means. A code that nobody wrote words for is explained
// by the reason that was stored with it, so that there is always something to read.
func (c causes) of(code, reason string) Cause {
	if known, ok := c[causeKey(code)]; ok {
		return known
	}
	other := c["other"]
	if reason != "" {
		other.What = reason
	}
	return other
}

// causeKey is the entry of the table for a [pipeline.Fault.Code]. The codes of SMTP
// replies are many, so they go by family: the enhanced status of RFC 3463, or else
// the reply code of RFC 5321, as the mailer judges them.
func causeKey(code string) string {
	status, isSMTP := strings.CutPrefix(code, "smtp.")
	if !isSMTP || status == "" || status[0] < '0' || status[0] > '9' {
		return code
	}
	class, rest, enhanced := strings.Cut(status, ".")
	if !enhanced {
		return "smtp." + replyFamily(status)
	}
	subject, detail, _ := strings.Cut(rest, ".")
	switch {
	case subject == "2" && detail == "2":
		return "smtp.full"
	case class == "4":
		return "smtp.later"
	case subject == "1" && (detail == "7" || detail == "8"):
		return "smtp.sender"
	case subject == "1", subject == "2" && detail == "1":
		return "smtp.mailbox"
	case subject == "2" && detail == "3", subject == "3" && detail == "4":
		return "smtp.size"
	case subject == "4":
		return "smtp.route"
	case subject == "7" && isSenderPolicy(detail):
		return "smtp.sender"
	}
	return "smtp.policy"
}

func replyFamily(code string) string {
	switch code {
	case "550", "551", "553", "556":
		return "mailbox"
	case "552":
		return "size"
	case "523", "530", "534", "535", "538":
		return "sender"
	}
	if code[0] == '4' {
		return "later"
	}
	return "policy"
}

// isSenderPolicy tells whether X.7.detail is about the login, the encryption, or
// what SPF, DKIM and reverse DNS say of the sender.
func isSenderPolicy(detail string) bool {
	switch len(detail) {
	case 1:
		return detail >= "8"
	case 2:
		return detail <= "14" || detail >= "20" && detail <= "29"
	}
	return false
}
