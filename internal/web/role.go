package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// Role is what somebody may do.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // may look at everything
	Operator Role = "operator" // may act, too
)

// Who is somebody who was let in.
type Who struct {
	Name string // of the token
	Role Role
}

// Access says who may use a route.
type Access int

// The zero value is the strictest, so that a route of which nobody thought is shut.
const (
	Operators Access = iota
	Viewers          // and operators
	Anybody          // without a word
)

// admits tells whether somebody who was let in may use the route.
func (a Access) admits(w Who) bool {
	switch a {
	case Anybody:
		return true
	case Viewers:
		return w.Role == Viewer || w.Role == Operator
	}
	return w.Role == Operator
}

// Digest is the SHA-256 of a token or a cookie, which is all that is kept of one.
type Digest [sha256.Size]byte

func digestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// ErrUnknown says that a token or a cookie is nobody's: it never was, has ended, or
// was revoked.
var ErrUnknown = errors.New("nobody knows it")

// Doors knows who may come in. Its errors wrap [ErrUnknown] where nobody may.
type Doors interface {
	// Token returns whose token it is.
	Token(ctx context.Context, token Digest, now time.Time) (Who, error)
	// StartLogin begins a login for the holder of the token.
	StartLogin(ctx context.Context, cookie, token Digest, ends, now time.Time) error
	// Login returns who is signed in with the cookie, and used it within idle.
	Login(ctx context.Context, cookie Digest, idle time.Duration, now time.Time) (Who, error)
	// Glance is Login for a page that looks by itself: it does not count as a use.
	Glance(ctx context.Context, cookie Digest, idle time.Duration, now time.Time) (Who, error)
	// EndLogin ends a login, if there is one.
	EndLogin(ctx context.Context, cookie Digest) error
}

// whoKey is the key of who asks, in the context of a request.
type whoKey struct{}

// WhoAsks returns who makes the request, as the guard let them in. ok is false on a
// route for anybody.
func WhoAsks(ctx context.Context) (w Who, ok bool) {
	w, ok = ctx.Value(whoKey{}).(Who)
	return w, ok
}

// stillKey is the key of what tells whether who asks may go on, in the context of a
// request that follows.
type stillKey struct{}

// stillIn returns an error unless whoever made the request may go on with it. The
// error wraps [ErrUnknown] when their login has ended. Where no guard let them in
// nobody can be put out.
func stillIn(ctx context.Context) error {
	if still, ok := ctx.Value(stillKey{}).(func() error); ok {
		return still()
	}
	return nil
}
