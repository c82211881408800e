package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"alta/pipeline"
)

// GuardOptions are what a guard needs.
type GuardOptions struct {
	Doors       Doors
	Pages       *Pages // in which people are told why not, and asked to sign in
	Now         pipeline.Clock
	Random      io.Reader // of cookies
	TLS         bool      // alta speaks TLS itself
	BehindProxy bool      // a proxy in front of alta speaks TLS, and names the client in X-Forwarded-For
	Log         *slog.Logger
}

// Guard decides who may use which route. It knows people by the cookie of their
// login, and programs by 'Authorization: Bearer' (RFC 6750), at the API alone. A
// request that changes something is refused when a browser sends it for another site.
type Guard struct {
	GuardOptions
	attempts *attempts // to sign in
	guesses  *attempts // tokens in a header that nobody knows
	origins  *http.CrossOriginProtection
}

// NewGuard makes a guard.
func NewGuard(o GuardOptions) (*Guard, error) {
	if o.Pages == nil {
		return nil, errors.New("a guard needs pages, to ask people who they are")
	}
	return &Guard{GuardOptions: o, attempts: newAttempts(attemptsAtOnce, attemptEvery), guesses: newAttempts(guessesAtOnce, guessEvery), origins: http.NewCrossOriginProtection()}, nil
}

// secure tells whether browsers reach alta by https.
func (g *Guard) secure() bool { return g.TLS || g.BehindProxy }

// watch lets those through to next who may use the route.
func (g *Guard) watch(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.origins.Check(r); err != nil {
			g.refuse(w, r, http.StatusForbidden, "This was sent by another site, so it was not done. Open alta's own page and do it there.")
			return
		}
		if route.changes() && !isAPI(r) {
			r.Body = http.MaxBytesReader(w, r.Body, maxActForm) // the API has a bound of its own
		}
		if route.Who == Anybody {
			route.Handler.ServeHTTP(w, r)
			return
		}
		who, err := g.whoIs(r, route.Follows)
		switch {
		case errors.Is(err, ErrUnknown):
			g.challenge(w, r)
		case errors.Is(err, errGuessing):
			g.refuse(w, r, http.StatusTooManyRequests, "Too many tokens that nobody knows came from this address. Wait a minute, and send the right one.")
		case err != nil:
			g.Log.Error("Who asks can't be looked up.", "error", err)
			g.refuse(w, r, http.StatusServiceUnavailable, "The ledger can't be read just now, so nobody can be let in. Try again in a minute; 'alta doctor' says what is wrong.")
		case !route.Who.admits(who):
			r = r.WithContext(context.WithValue(r.Context(), whoKey{}, who))
			g.refuse(w, r, http.StatusForbidden, fmt.Sprintf("The token %s is a viewer's, which may look and not act. Ask for an operator's.", who.Name))
		default:
			ctx := context.WithValue(r.Context(), whoKey{}, who)
			if route.Follows {
				ctx = context.WithValue(ctx, stillKey{}, func() error { return g.stillIn(r, route.Who) })
			}
			route.Handler.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

// errGuessing says that an address has shown too many tokens that nobody knows.
var errGuessing = errors.New("too many unknown tokens")

// whoIs returns who makes the request. Whoever shows a token to the API is judged by
// it alone. The pages hear of none: how much one token may ask for is bounded at the
// API alone, and what stands in the header of a page is not for alta, as a password
// never is, but for a proxy in front of it.
func (g *Guard) whoIs(r *http.Request, follows bool) (Who, error) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); isAPI(r) && strings.EqualFold(scheme, "Bearer") {
		return g.bearer(r, strings.TrimSpace(token))
	}
	cookie, err := r.Cookie(g.cookieName())
	if err != nil || cookie.Value == "" {
		return Who{}, ErrUnknown
	}
	look := g.Doors.Login
	if follows {
		look = g.Doors.Glance
	}
	return look(r.Context(), digestOf(cookie.Value), loginIdle, g.Now())
}

// stillIn returns an error unless whoever made the request would be let in again: an
// answer that lasts must not outlive the login that it was given for.
func (g *Guard) stillIn(r *http.Request, may Access) error {
	who, err := g.whoIs(r, true)
	if err == nil && !may.admits(who) {
		return ErrUnknown
	}
	return err
}

// bearer returns whose token it is. An address that guesses is not heard for a while,
// the right token neither: else each guess would tell.
func (g *Guard) bearer(r *http.Request, token string) (Who, error) {
	now, from := g.Now(), clientAddr(r, g.BehindProxy)
	if g.guesses.spent(from, now) {
		return Who{}, errGuessing
	}
	who, err := g.Doors.Token(r.Context(), digestOf(token), now)
	if errors.Is(err, ErrUnknown) {
		if g.guesses.allow(from, now); g.guesses.spent(from, now) {
			g.Log.Warn("An address showed too many tokens that nobody knows, and is not heard for a while.", "client", from)
		}
	}
	return who, err
}

// challenge asks for a token: people by the page to sign in, programs by the status.
func (g *Guard) challenge(w http.ResponseWriter, r *http.Request) {
	if safe(r.Method) && !isAPI(r) {
		redirect(w, loginPath+"?"+url.Values{"next": {localPath(r.URL.RequestURI())}}.Encode())
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="alta"`)
	g.refuse(w, r, http.StatusUnauthorized, "A valid token is needed; 'alta token add' makes one.")
}

// refuse says why not: to programs as RFC 9457 has it, to people by a page.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	if !isAPI(r) {
		g.Pages.Error(w, r, status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// A client that went away is nobody's concern.
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{problemType(status), http.StatusText(status), status, why})
}

// problemType names a refusal as docs/api.md has it.
func problemType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "/problems/unauthorized"
	case http.StatusForbidden:
		return "/problems/forbidden"
	case http.StatusTooManyRequests:
		return "/problems/too-many"
	}
	return "/problems/unavailable"
}

// safe tells whether the method changes nothing (RFC 9110, section 9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// redirect sends a browser to a path of this site, to look at it.
func redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}
