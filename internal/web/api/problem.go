package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Kind is a kind of problem. Programs go by it, so it never changes its meaning.
type Kind string

// The kinds. docs/api.md says what to do about each.
const (
	Malformed    Kind = "malformed"    // the request can't be read: 400
	Unauthorized Kind = "unauthorized" // no valid token: 401
	Forbidden    Kind = "forbidden"    // a viewer's token, where an operator's is needed: 403
	NotFound     Kind = "not-found"    // no such path, or no such user: 404
	NoMethod     Kind = "no-method"    // the path knows other methods: 405
	Conflict     Kind = "conflict"     // what the user is, or what goes on, keeps it from being done: 409
	OtherNumber  Kind = "other-number" // as many users as expected is not how many match: 409
	UnderWay     Kind = "under-way"    // a request with the same Idempotency-Key goes on: 409
	TooLarge     Kind = "too-large"    // the body is over the limit: 413
	NotJSON      Kind = "not-json"     // the body is of another type: 415
	Invalid      Kind = "invalid"      // what was read makes no sense: 422
	KeyReused    Kind = "key-reused"   // the Idempotency-Key came with another request before: 422
	TooMany      Kind = "too-many"     // requests of this token: 429
	Spent        Kind = "spent"        // links of this user: 429
	Broken       Kind = "broken"       // alta can't, and its log says why: 500
	Unavailable  Kind = "unavailable"  // the ledger or the partner API can't, just now: 503
)

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{
		Malformed, Unauthorized, Forbidden, NotFound, NoMethod, Conflict, OtherNumber, UnderWay,
		TooLarge, NotJSON, Invalid, KeyReused, TooMany, Spent, Broken, Unavailable,
	}
}

// Status is the HTTP status of the kind.
func (k Kind) Status() int {
	switch k {
	case Malformed:
		return http.StatusBadRequest
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case NoMethod:
		return http.StatusMethodNotAllowed
	case Conflict, OtherNumber, UnderWay:
		return http.StatusConflict
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case NotJSON:
		return http.StatusUnsupportedMediaType
	case Invalid, KeyReused:
		return http.StatusUnprocessableEntity
	case TooMany, Spent:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Type is the URI reference that names the kind (RFC 9457, section 3.1.1).
func (k Kind) Type() string { return "/problems/" + string(k) }

// Problem says why a request was not done, and what to do.
type Problem struct {
	Kind   Kind
	Detail string
	After  time.Duration // when it is worth another try; 0 says nothing

	Results []Enrolled // with Invalid: what is wrong with each user
	Matches *int       // with OtherNumber: how many there are
}

// Refuse makes a problem.
func Refuse(k Kind, format string, args ...any) *Problem {
	return &Problem{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// problemJSON is a problem as it goes out (RFC 9457).
type problemJSON struct {
	Type    string     `json:"type"`
	Title   string     `json:"title"`
	Status  int        `json:"status"`
	Detail  string     `json:"detail"`
	Results []Enrolled `json:"results,omitempty"`
	Matches *int       `json:"matches,omitempty"`
}

// answer is the problem as an answer.
func (p *Problem) answer() answer {
	status := p.Kind.Status()
	a := answer{
		status: status, kind: "application/problem+json",
		body: problemJSON{p.Kind.Type(), http.StatusText(status), status, p.Detail, p.Results, p.Matches},
	}
	if p.After > 0 {
		a.header = http.Header{"Retry-After": {seconds(p.After)}}
	}
	return a
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	if err := p.answer().write(w); err != nil {
		panic(err) // a problem is texts and numbers, which always have a JSON
	}
}

// seconds is a time in whole seconds, none too few.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10) }

// answer is what a request comes to.
type answer struct {
	status int
	kind   string // media type; "" is JSON
	header http.Header
	body   any
	raw    []byte // in place of body
	secret bool   // what it holds must be kept nowhere
}

// encode is the body as it goes out.
func (a answer) encode() ([]byte, error) {
	if a.raw != nil || a.body == nil {
		return a.raw, nil
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // links stand as they are
	if err := e.Encode(a.body); err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return text.Bytes(), nil
}

func (a answer) mediaType() string {
	if a.kind == "" {
		return "application/json"
	}
	return a.kind
}

// write answers. Where it returns an error, the body has no JSON and nothing is
// written.
func (a answer) write(w http.ResponseWriter) error {
	text, err := a.encode()
	if err != nil {
		return err
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", a.mediaType())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	// A client that went away is nobody's concern.
	_, _ = w.Write(text)
	return nil
}
