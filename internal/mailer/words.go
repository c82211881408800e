package mailer

import "strings"

// speaksOfUs tells whether a refusal is about who sends or what is sent. A
// reply without an enhanced status has nothing but its words to tell that from
// a mailbox that does not exist.
func speaksOfUs(text string) bool {
	return mentions(text, "relay", "sender", "client", "blocked", "denied", "policy",
		"spf", "dmarc", "blacklist", "blocklist", "spam", "auth")
}

// speaksOfGreylisting tells whether a server puts off a sender and recipient
// that it sees for the first time (RFC 6647). Such servers answer so to every
// new user, which says nothing about the server or about us.
func speaksOfGreylisting(text string) bool {
	return mentions(text, "grey", "gray", "try again later")
}

// mentions tells whether the text holds one of the words or phrases, which are
// in lower case. Mail addresses don't count: servers quote them, and
// clients@example.com says nothing about clients.
func mentions(text string, phrases ...string) bool {
	var words []string
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if !strings.Contains(word, "@") {
			words = append(words, word)
		}
	}
	text = strings.Join(words, " ")
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
