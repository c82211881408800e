package capa

import (
	"slices"
	"sync"
)

// cause is a kind of failure that is one user's own at first and everybody's
// when it repeats.
type cause int

const (
	strangers    cause = iota // 401 User is not associated with the partner
	unauthorized              // 401 with a text that nobody documented
	invalidInput              // 400 INVALID_USER_INPUT_ERROR
	trouble                   // 5xx, no connection, no answer
	linkless                  // 2xx without a link
	refused                   // 4xx that nobody documented
)

// The limits of the partner API's table.
const (
	maxStrangers    = 3  // different users in a row
	maxUnauthorized = 2  // different users in a row
	maxTrouble      = 5  // different users in a row
	maxLinkless     = 3  // different users in a row
	maxRefused      = 3  // different users in a row
	inputWindow     = 50 // answers
	maxInvalid      = 3  // different users: the least that is more than 5 % of the window
)

// streaks tells failures of single users from failures of the whole. A success
// ends every streak; a failure of another kind does not, because a systemic
// fault often shows several faces. Only different users count, so a probe that
// meets a user whose failure has already been counted is judged as that user's
// own, and no bad record can keep an outage alive. It is safe for concurrent
// use.
type streaks struct {
	mu sync.Mutex
	of map[cause]evidence
}

// evidence counts the failures of one cause.
type evidence interface {
	// fail counts the user unless it is known, which changes nothing; full
	// tells that this new user completes an outage.
	fail(user string) (known, full bool)
	succeed()
}

func newStreaks() *streaks {
	return &streaks{of: map[cause]evidence{
		strangers:    &row{limit: maxStrangers},
		unauthorized: &row{limit: maxUnauthorized},
		invalidInput: &window{},
		trouble:      &row{limit: maxTrouble},
		linkless:     &row{limit: maxLinkless},
		refused:      &row{limit: maxRefused},
	}}
}

// fail notes a failure of the user for each cause. known tells that the user
// had been counted for all of them, full that one of them became an outage.
func (s *streaks) fail(user string, causes ...cause) (known, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known = true
	for _, c := range causes {
		k, f := s.of[c].fail(user)
		known, full = known && k, full || f
	}
	return known, full
}

// succeed notes that a link was minted.
func (s *streaks) succeed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.of {
		e.succeed()
	}
}

// row counts different users in a row. It keeps the latest limit of them.
type row struct {
	limit int
	users []string
}

func (r *row) fail(user string) (known, full bool) {
	if slices.Contains(r.users, user) {
		return true, false
	}
	r.users = append(r.users, user)
	if len(r.users) > r.limit {
		r.users = r.users[1:]
	}
	return false, len(r.users) == r.limit
}

func (r *row) succeed() { r.users = nil }

// window holds the latest answers that say something about our input: the user
// of each refusal and "" for each success. Answers not yet seen count as good,
// so a single refusal is never an outage, and three users are one at any time,
// even when they were the first three. A success after an outage shows that
// the input is right again and starts a new window.
type window struct {
	answers []string
	outage  bool
}

func (w *window) fail(user string) (known, full bool) {
	if slices.Contains(w.answers, user) {
		return true, false
	}
	w.add(user)
	refused := 0
	for _, u := range w.answers {
		if u != "" {
			refused++
		}
	}
	w.outage = refused >= maxInvalid
	return false, w.outage
}

func (w *window) succeed() {
	if w.outage {
		*w = window{}
	}
	w.add("")
}

func (w *window) add(user string) {
	w.answers = append(w.answers, user)
	if len(w.answers) > inputWindow {
		w.answers = w.answers[1:]
	}
}
