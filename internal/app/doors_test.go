package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// gateway is the operator's page as far as who may come in, on a real ledger and a
// real listener.
type gateway struct {
	t     *testing.T
	store *store.Store
}

// open serves a page that tells who looks, with the token of the configuration, and
// returns its address. Each is another start of the daemon.
func (g gateway) open(bootstrap pipeline.Secret) (address string) {
	g.t.Helper()
	pages, err := web.NewPages(web.PagesOptions{Zone: time.UTC, Who: web.GuardedBy, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	check(g.t, err)
	guard, err := web.NewGuard(web.GuardOptions{
		Doors: newDoors(g.store, bootstrap), Pages: pages, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	check(g.t, err)
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := web.WhoAsks(r.Context())
		fmt.Fprintf(w, "%s %s", who.Name, who.Role)
	})
	h, err := guard.Serve(append(guard.LoginRoutes(), web.Route{Method: "GET", Path: "/{$}", Who: web.Viewers, Handler: tell},
		web.Route{Method: "POST", Path: "/api/v1/act", Who: web.Operators, Handler: tell}))
	check(g.t, err)
	s, err := web.Listen(g.t.Context(), "127.0.0.1:0", h, slog.New(slog.DiscardHandler))
	check(g.t, err)
	g.t.Cleanup(func() { check(g.t, s.Close()) })
	return "http://" + s.Addr()
}

func (g gateway) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	check(g.t, err)
	return &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// wants sends a request and wants that status, and that text in the body.
func (g gateway) wants(c *http.Client, r *http.Request, status int, body string) {
	g.t.Helper()
	response, err := c.Do(r)
	check(g.t, err)
	text, err := io.ReadAll(response.Body)
	check(g.t, errors.Join(err, response.Body.Close()))
	if response.StatusCode != status || !strings.Contains(string(text), body) {
		g.t.Errorf("%s %s is answered %d, want %d and %q:\n%s", r.Method, r.URL.Path, response.StatusCode, status, body, text)
	}
}

func (g gateway) request(method, address string, form url.Values, token pipeline.Secret) *http.Request {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, address, strings.NewReader(form.Encode()))
	check(g.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !token.IsZero() {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return r
}

func (g gateway) signIn(address string, token pipeline.Secret) *http.Client {
	g.t.Helper()
	c := g.browser()
	g.wants(c, g.request("POST", address+"/login", url.Values{"token": {token.Reveal()}}, pipeline.Secret{}), http.StatusSeeOther, "")
	return c
}

func TestTokensOfTheLedgerAndOfTheConfigurationOpenThePage(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "alta.db"))
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	g := gateway{t, s}
	viewer, bootstrap, none := store.NewToken(), store.NewToken(), pipeline.Secret{}
	check(t, s.AddToken(t.Context(), store.Token{Name: "vera", Role: store.Viewer, Digest: store.DigestSecret(viewer)}, store.Act{Actor: "olga"}, time.Now()))
	address := g.open(bootstrap)

	// By cookie, and by bearer token.
	vera, boss := g.signIn(address, viewer), g.signIn(address, bootstrap)
	g.wants(vera, g.request("GET", address+"/", nil, none), 200, "vera viewer")
	g.wants(boss, g.request("GET", address+"/", nil, none), 200, "operator operator")
	g.wants(vera, g.request("POST", address+"/api/v1/act", nil, none), 403, "The token vera is a viewer's")
	g.wants(boss, g.request("POST", address+"/api/v1/act", nil, none), 200, "operator operator")
	g.wants(g.browser(), g.request("POST", address+"/api/v1/act", nil, viewer), 403, "")
	g.wants(g.browser(), g.request("POST", address+"/api/v1/act", nil, bootstrap), 200, "operator operator")
	g.wants(g.browser(), g.request("POST", address+"/api/v1/act", nil, store.NewToken()), 401, "")
	g.wants(g.browser(), g.request("POST", address+"/login", url.Values{"token": {"alta_no"}}, none), 403, "Nobody has this token")

	// Logins live on when the daemon starts again, on another port too.
	again := g.open(bootstrap)
	boss.Jar.SetCookies(mustURL(t, again), boss.Jar.Cookies(mustURL(t, address)))
	g.wants(boss, g.request("GET", again+"/", nil, none), 200, "operator operator")
	// Another token in the configuration, or none, ends those of the one before.
	for _, changed := range []string{g.open(store.NewToken()), g.open(none)} {
		boss.Jar.SetCookies(mustURL(t, changed), boss.Jar.Cookies(mustURL(t, address)))
		g.wants(boss, g.request("GET", changed+"/", nil, none), http.StatusSeeOther, "")
		g.wants(g.browser(), g.request("POST", changed+"/api/v1/act", nil, bootstrap), 401, "")
		g.wants(g.signIn(changed, viewer), g.request("GET", changed+"/", nil, none), 200, "vera viewer")
	}

	check(t, s.RevokeToken(t.Context(), "vera", store.Act{Actor: "olga"}, time.Now()))
	g.wants(vera, g.request("GET", address+"/", nil, none), http.StatusSeeOther, "")
	g.wants(g.browser(), g.request("POST", address+"/login", url.Values{"token": {viewer.Reveal()}}, none), 403, "Nobody has this token")
}

func mustURL(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	check(t, err)
	return u
}
