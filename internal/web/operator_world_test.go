package web

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tokens of the tests.
const (
	viewerToken   = "alta_viewer-canary"
	operatorToken = "alta_operator-canary"
)

// keyRing is a ledger of tokens and logins in memory.
type keyRing struct {
	mu     sync.Mutex
	tokens map[Digest]Who
	logins map[Digest]*ringLogin
	fault  error // of every call
}

type ringLogin struct {
	token      Digest
	ends, seen time.Time
}

func newKeyRing() *keyRing {
	return &keyRing{
		tokens: map[Digest]Who{digestOf(viewerToken): {"vera", Viewer}, digestOf(operatorToken): {"olga", Operator}},
		logins: map[Digest]*ringLogin{},
	}
}

func (k *keyRing) Token(_ context.Context, token Digest, _ time.Time) (Who, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.tokens[token]
	if !ok && k.fault == nil {
		return who, ErrUnknown
	}
	return who, k.fault
}

func (k *keyRing) StartLogin(_ context.Context, cookie, token Digest, ends, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.logins[cookie] = &ringLogin{token, ends, now}
	return k.fault
}

func (k *keyRing) Login(ctx context.Context, cookie Digest, idle time.Duration, now time.Time) (Who, error) {
	who, err := k.Glance(ctx, cookie, idle, now)
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.logins[cookie]; err == nil && l != nil {
		l.seen = now
	}
	return who, err
}

// revoke makes a token nobody's.
func (k *keyRing) revoke(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.tokens, digestOf(token))
}

func (k *keyRing) Glance(_ context.Context, cookie Digest, idle time.Duration, now time.Time) (Who, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault != nil {
		return Who{}, k.fault
	}
	l := k.logins[cookie]
	if l == nil || !now.Before(l.ends) || now.Sub(l.seen) >= idle {
		return Who{}, ErrUnknown
	}
	who, ok := k.tokens[l.token]
	if !ok {
		return Who{}, ErrUnknown
	}
	return who, nil
}

func (k *keyRing) EndLogin(_ context.Context, cookie Digest) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.logins, cookie)
	return k.fault
}

func (k *keyRing) open() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.logins)
}

// fail makes every call fail from now on.
func (k *keyRing) fail(fault error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = fault
}

// diary keeps what is logged.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// gate is a guard with a few routes behind it, on a real listener.
type gate struct {
	t      *testing.T
	ring   *keyRing
	guard  *Guard
	routes []Route
	base   string
	done   map[string]int // how often each route was reached
	log    diary
	mu     sync.Mutex
	now    time.Time
}

func newGate(t *testing.T, change func(*GuardOptions)) *gate {
	t.Helper()
	g := &gate{t: t, ring: newKeyRing(), done: map[string]int{}, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	o := GuardOptions{Doors: g.ring, Pages: operatorPagesFor(t, GuardedBy), Now: g.clock, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(&g.log, nil))}
	if change != nil {
		change(&o)
	}
	var err error
	if g.guard, err = NewGuard(o); err != nil {
		t.Fatal(err)
	}
	g.routes = append(g.guard.LoginRoutes(),
		g.route("GET", "/health", Anybody), g.route("GET", "/users/{id}", Viewers), g.route("POST", "/users/{id}/mark", Operators),
		g.route("GET", "/api/v1/users", Viewers), g.route("PUT", "/api/v1/users/{id}", Operators), g.route("DELETE", "/api/v1/users/{id}", Operators),
		g.route("GET", "/secrets", Operators), g.route("GET", "/api/v1/secrets", Operators))
	h, err := g.guard.Serve(g.routes)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, h)
	t.Cleanup(func() { closeServer(t, s) })
	g.base = "http://" + s.Addr()
	return g
}

func (g *gate) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *gate) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

func (g *gate) route(method, path string, who Access) Route {
	return Route{Method: method, Path: path, Who: who, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.done[method+" "+path]++
		asks, _ := WhoAsks(r.Context())
		plain(w, http.StatusOK, "done for "+asks.Name)
	})}
}

func (g *gate) reached() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, times := range g.done {
		n += times
	}
	return n
}

// heard is what came back.
type heard struct {
	status int
	header http.Header
	body   string
}

// browser keeps cookies and follows no redirect.
func (g *gate) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// send makes a request with these header fields, each "Name: value".
func (g *gate) send(c *http.Client, method, path, body string, fields ...string) heard {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.base+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	response, err := c.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return heard{response.StatusCode, response.Header, string(text)}
}

func (g *gate) signIn(c *http.Client, token string, fields ...string) heard {
	g.t.Helper()
	return g.send(c, "POST", "/login", url.Values{"token": {token}, "next": {"/users/7?tab=mails"}}.Encode(), fields...)
}

// signedIn is a browser whose person has signed in.
func (g *gate) signedIn(token string) *http.Client {
	g.t.Helper()
	c := g.browser()
	if a := g.signIn(c, token); a.status != http.StatusSeeOther {
		g.t.Fatalf("signing in is answered %d: %s", a.status, a.body)
	}
	return c
}
