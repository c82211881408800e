package app

import (
	"sync"
	"time"
)

// sayAgain is how often the log repeats a trouble that lasts.
const sayAgain = time.Minute

// seldom keeps a trouble that is met again and again, by every mail or every
// few seconds, from flooding the log. Its zero value is ready, and it is safe
// for concurrent use.
type seldom struct {
	mu   sync.Mutex
	said time.Time
}

// due tells whether the trouble is to be said at now: the first time, and then
// once a minute. A clock that was set back says it too.
func (s *seldom) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since := now.Sub(s.said); since >= 0 && since < sayAgain {
		return false
	}
	s.said = now
	return true
}
