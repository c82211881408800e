package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"
)

// KeyHeader is the header of the key by which a repeated request is known
// (draft-ietf-httpapi-idempotency-key-header).
const KeyHeader = "Idempotency-Key"

// How long a key is remembered, and how long a request with it takes at the least
// until it counts as one that died with its process.
const (
	keyLife  = 24 * time.Hour
	keyLease = 5 * time.Minute
)

// leaseMargin is for what a request takes beside its act.
const leaseMargin = time.Minute

// longestKey bounds a key, in bytes.
const longestKey = 255

// Digest is the SHA-256 of a request.
type Digest [sha256.Size]byte

// Key is a key of a token's.
type Key struct {
	Token string
	Key   string
}

// Kept is what is known of a key.
type Kept struct {
	Digest Digest
	Status int    // of the answer; 0 while there is none
	Body   []byte // of the answer
}

// Keys remembers requests by their keys.
type Keys interface {
	// StartKey takes the key for a request, and returns nil then. Where it is taken,
	// it returns what is known of it, but for one that was taken before forgotten, or
	// before lost and has no answer.
	StartKey(ctx context.Context, k Key, d Digest, forgotten, lost, now time.Time) (*Kept, error)
	// FinishKey keeps the answer.
	FinishKey(ctx context.Context, k Key, status int, body []byte) error
	// DropKey forgets a key whose request was not done.
	DropKey(ctx context.Context, k Key) error
}

// once makes of requests that have the same key one effect and one answer.
func (a *api) once(do operation) operation {
	return func(c call) (answer, error) {
		given := c.r.Header.Values(KeyHeader)
		if len(given) == 0 {
			return do(c)
		}
		if len(given) > 1 || !isKey(given[0]) {
			return answer{}, Refuse(Malformed, "The %s must be one value of 1 to %d visible ASCII characters, a UUID for example.", KeyHeader, longestKey)
		}
		k, d, now := Key{c.token, given[0]}, digestOf(c), a.Now()
		kept, err := a.Keys.StartKey(c.ctx, k, d, now.Add(-keyLife), now.Add(-a.lease()), now)
		switch {
		case err != nil:
			return answer{}, err
		case kept == nil:
			return a.first(c, k, do)
		case kept.Digest != d:
			return answer{}, Refuse(KeyReused, "The %s came with another request within 24 hours. Use a new key for a new request.", KeyHeader)
		case kept.Status == 0:
			p := Refuse(UnderWay, "A request with the same %s goes on this moment. Repeat it in a second to hear its answer.", KeyHeader)
			p.After = time.Second
			return answer{}, p
		}
		return a.again(c, *kept, do)
	}
}

// lease is how long a request with a key may take: one that has not ended by then
// died with its process.
func (a *api) lease() time.Duration { return max(keyLease, a.Patience+leaseMargin) }

// first does what the first request with a key asks for.
func (a *api) first(c call, k Key, do operation) (answer, error) {
	settled := false
	settle := context.WithoutCancel(c.ctx)
	defer func() {
		if settled {
			return
		}
		// Nothing is known of how it ended, and every act may be repeated.
		if err := a.Keys.DropKey(settle, k); err != nil {
			a.Log.Error("An Idempotency-Key could not be forgotten; requests with it are refused for minutes.", "token", k.Token, "error", err)
		}
	}()
	got, err := do(c)
	if err != nil {
		p := a.problem(err, c.r)
		// What says when to ask again is not over either.
		if !isFinal(p.Kind.Status()) || p.After > 0 {
			return answer{}, p
		}
		got = p.answer()
	}
	text, err := got.encode()
	if err != nil {
		return answer{}, err
	}
	if got.secret {
		text = nil
	}
	if err := a.Keys.FinishKey(settle, k, got.status, text); err != nil {
		a.Log.Error("The answer to a request could not be kept; it may be done twice.", "token", k.Token, "error", err)
		return got, nil
	}
	settled = true
	return got, nil
}

// again answers a request that was done before. What holds a link is kept nowhere, so
// that it is looked for again, and is the same while it lives.
func (a *api) again(c call, kept Kept, do operation) (answer, error) {
	if kept.Status < http.StatusBadRequest && len(kept.Body) == 0 {
		return do(c)
	}
	got := answer{status: kept.Status, raw: kept.Body, header: http.Header{"Idempotency-Replayed": {"true"}}}
	if kept.Status >= http.StatusBadRequest {
		got.kind = "application/problem+json"
	}
	return got, nil
}

// isFinal tells whether a repeated request would meet the same.
func isFinal(status int) bool {
	return status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

func isKey(s string) bool {
	if s == "" || len(s) > longestKey {
		return false
	}
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}

// digestOf is what two requests have in common that ask for the same.
func digestOf(c call) (d Digest) {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(c.r.Method), []byte(c.r.URL.EscapedPath()), []byte(c.r.URL.RawQuery), c.body} {
		// A hash takes whatever it is given.
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Sum(d[:0])
	return d
}
