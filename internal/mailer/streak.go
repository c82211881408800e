package mailer

import (
	"slices"
	"sync"

	"alta/pipeline"
)

// cause is a kind of failure that is one user's own at first and everybody's
// when it repeats.
type cause int

const (
	refusal cause = iota // any 5xx reply to RCPT TO, DATA or the final dot
	policy               // such a reply about us or about nothing in particular
	trouble              // a 4xx reply about the server, or a break before the dot
)

// The limits, in different users in a row. A list may well hold a few dead
// addresses side by side; a policy or a server in trouble seldom singles out
// three users.
const (
	maxRefusals = 5
	maxPolicy   = 3
	maxTrouble  = 3
)

// streaks tells failures of single users from failures of the whole: Postfix
// and Exim refuse a client at RCPT TO, where every user meets it. An accepted
// mail ends every streak. Only different users count, so a user who has
// already been counted is judged alone, and no dead address can keep an outage
// alive. It is safe for concurrent use.
type streaks struct {
	mu sync.Mutex
	of map[cause]*row
}

func newStreaks() *streaks {
	return &streaks{of: map[cause]*row{
		refusal: {limit: maxRefusals}, policy: {limit: maxPolicy}, trouble: {limit: maxTrouble},
	}}
}

// judge decides what a failure means in the light of those before it.
func (s *streaks) judge(user string, f failure) *pipeline.Fault {
	if s.fail(user, f.causes()...) {
		return f.everybodys()
	}
	return f.fault()
}

// fail notes a failure of the user for each cause and tells whether this user
// has made one of them everybody's.
func (s *streaks) fail(user string, causes ...cause) (full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range causes {
		full = s.of[c].add(user) || full
	}
	return full
}

// succeed notes that a mail was accepted.
func (s *streaks) succeed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.of {
		r.users = nil
	}
}

// row holds the latest different users in a row, at most limit of them.
type row struct {
	limit int
	users []string
}

// add counts the user unless it is known, and tells whether a new one makes
// the row full.
func (r *row) add(user string) (full bool) {
	if slices.Contains(r.users, user) {
		return false
	}
	r.users = append(r.users, user)
	if len(r.users) > r.limit {
		r.users = r.users[1:]
	}
	return len(r.users) == r.limit
}
