package intake

import (
	"sync"
	"time"
)

// sayAgain is how often the log tells of webhooks that anybody can send.
const sayAgain = time.Minute

// refusals keeps those who knock without a signature from filling the log. Its
// zero value is ready, and it is safe for concurrent use.
type refusals struct {
	mu     sync.Mutex
	said   time.Time
	unsaid int
}

// note counts a refusal at now. say tells that it is to be logged, the first time
// and then once a minute, and before how many were not since the last that was. A
// clock that was set back says it too.
func (r *refusals) note(now time.Time) (before int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.said); since >= 0 && since < sayAgain {
		r.unsaid++
		return 0, false
	}
	before, r.said, r.unsaid = r.unsaid, now, 0
	return before, true
}
