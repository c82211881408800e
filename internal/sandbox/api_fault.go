package sandbox

import (
	"net/http"
	"slices"
	"time"

	"alta/pipeline"
)

// APIFault is an answer to give instead of the right one. All of the
// conditions that are set must hold; a fault without any meets every mint.
type APIFault struct {
	User    string           // only for this user id
	Country pipeline.Country // only for this country
	Call    int              // only for the n-th mint request since the start, from 1
	Times   int              // only so many times; 0 is always
	Details bool             // for kyc/details instead of the mints
	Webhook bool             // for webhook-settings instead of the mints

	Answer APIAnswer
}

// APIAnswer is what to answer. The zero value answers 200 with an empty body.
type APIAnswer struct {
	// Delay comes first, on top of APIOptions.Latency.
	Delay time.Duration

	// Action other than Reply ignores the fields below, except CutBody, which
	// sends half of the body that they describe, or half a new link.
	Action APIAction

	Status  int               // 0 is 200, or 201 with Link
	Headers map[string]string // for example Retry-After, Location

	// The body is Body, or an answer that carries Link, or an error with Code
	// and Message in the shape of APIOptions.Errors: the first that is set.
	Body    string
	Link    string
	Code    string
	Message string

	// Opens opens a session all the same: its link counts as minted, though
	// nobody gets it.
	Opens bool
}

// APIAction is how to answer, or not to.
type APIAction int

// The actions. The request has been read before each of them.
const (
	Reply   APIAction = iota // answer as the fields say
	Late                     // give the right answer, after Delay
	Hang                     // say nothing until the client or the sandbox gives up
	CutOff                   // close the connection without an answer
	CutBody                  // close it in the middle of the body
)

// armedFault counts how often a fault was met.
type armedFault struct {
	APIFault
	met int
}

// SetFaults replaces all faults. When several match, the first one answers.
func (a *API) SetFaults(faults ...APIFault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
	for _, f := range faults {
		a.faults = append(a.faults, &armedFault{APIFault: f})
	}
}

// request is what a fault may depend on.
type request struct {
	user    string
	country pipeline.Country
	call    int // 0 for what is no mint
	details bool
	webhook bool
}

// fault returns the answer of the first fault that matches. The caller holds
// the lock.
func (a *API) fault(r request) (APIAnswer, bool) {
	i := slices.IndexFunc(a.faults, func(f *armedFault) bool { return f.matches(r) })
	if i < 0 {
		return APIAnswer{}, false
	}
	a.faults[i].met++
	return a.faults[i].Answer, true
}

func (f *armedFault) matches(r request) bool {
	return f.Details == r.details && f.Webhook == r.webhook &&
		(f.User == "" || f.User == r.user) &&
		(f.Country == "" || f.Country == r.country) &&
		(f.Call == 0 || f.Call == r.call) &&
		(f.Times == 0 || f.met < f.Times)
}

// Throttled is a 429, which nobody documents. retryAfter is the header: seconds
// or an HTTP date, or "" for none.
func Throttled(retryAfter string) APIAnswer {
	answer := APIAnswer{Status: http.StatusTooManyRequests, Code: "TOO_MANY_REQUESTS", Message: "Too Many Requests"}
	if retryAfter != "" {
		answer.Headers = map[string]string{"Retry-After": retryAfter}
	}
	return answer
}

// Redirected is a redirect to the URL.
func Redirected(to string) APIAnswer {
	return APIAnswer{Status: http.StatusTemporaryRedirect, Headers: map[string]string{"Location": to}}
}
