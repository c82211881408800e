package mailer

import "testing"

func TestWordsThatTellARefusalOfUsFromOneOfAMailbox(t *testing.T) {
	cases := []struct {
		sentence, text string
		ours           bool
	}{
		{"Exim refuses to relay.", "relay not permitted", true},
		{"Postfix refuses to relay.", "<ana@example.com>: Relay access denied", true},
		{"Case does not matter.", "RELAYING DENIED", true},
		{"The sender is refused.", "Sender verify failed", true},
		{"The client is refused.", "Client host rejected: cannot find your hostname", true},
		{"We are blocked.", "JunkMail rejected - blocked", true},
		{"Access is denied.", "Access denied", true},
		{"A policy says no.", "rejected by local policy", true},
		{"SPF fails.", "SPF fail", true},
		{"DMARC fails.", "DMARC: reject", true},
		{"We are on a blacklist.", "your IP is blacklisted", true},
		{"We are on a blocklist.", "listed on a Blocklist", true},
		{"It looks like spam.", "no spam here", true},
		{"A login is wanted.", "Authentication required", true},
		{"A link can say it too.", "see https://www.spamhaus.org/query", true},
		{"No such user.", "no such user here", false},
		{"User unknown.", "<ana@example.com>: Recipient address rejected: User unknown", false},
		{"A mailbox that is unavailable.", "Requested action not taken: mailbox unavailable", false},
		{"The user's address is not the server's word.", "<clients.policy@relay.example>: unknown", false},
		{"Nothing.", "", false},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			if got := speaksOfUs(c.text); got != c.ours {
				t.Errorf("%q: %v", c.text, got)
			}
		})
	}
}

func TestWordsOfGreylisting(t *testing.T) {
	cases := []struct {
		sentence, text string
		grey           bool
	}{
		{"Postgrey.", "4.2.0 <ana@example.com>: Recipient address rejected: Greylisted", true},
		{"milter-greylist.", "4.7.1 Greylisting in action, please come back in 00:05:00", true},
		{"American spelling.", "4.7.1 Graylisted", true},
		{"rspamd.", "4.7.1 Try again later", true},
		{"Over two lines.", "4.7.1 please try\nagain   later", true},
		{"A quota is none.", "4.7.1 Daily sending quota exceeded", false},
		{"An address is none.", "4.7.1 <ana@grey.example>: too fast", false},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			if got := speaksOfGreylisting(c.text); got != c.grey {
				t.Errorf("%q: %v", c.text, got)
			}
		})
	}
}
