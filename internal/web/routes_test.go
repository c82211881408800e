package web

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// wantGuarded walks a table of routes: each one that changes something is refused
// without a token, with a viewer's, and from another site, even with an operator's.
// Whoever has the right gets through, so that the refusals prove something.
func (g *gate) wantGuarded() {
	g.t.Helper()
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	stranger, viewer, operator := g.browser(), g.signedIn(viewerToken), g.signedIn(operatorToken)
	changing := 0
	for _, route := range g.routes {
		path, name := wildcard.ReplaceAllString(route.Path, "x"), route.Method+" "+route.Path
		if safe(route.Method) {
			continue
		}
		changing++
		before := g.reached()
		viewersToken, api := 401, strings.HasPrefix(path, "/api/") // no page takes a token
		if api {
			viewersToken = 403
		}
		for _, test := range []struct {
			it     string
			client *http.Client
			fields []string
			want   int
			own    bool // what is the caller's own is refused to other sites only
		}{
			{"without a token", stranger, nil, 401, false},
			{"with a token that nobody has", stranger, []string{bearer("alta_x")}, 401, false},
			{"with a token of another form", stranger, []string{"Authorization: Basic b2xnYTp4"}, 401, false},
			{"with an empty token", stranger, []string{bearer("")}, 401, false},
			{"with a viewer's token", stranger, []string{bearer(viewerToken)}, viewersToken, false},
			{"with a viewer's login", viewer, nil, 403, false},
			{"with a viewer's login and an operator's token", viewer, []string{bearer(operatorToken), "Origin: https://mal.example"}, 403, false},
			{"from another site, with an operator's login", operator, []string{"Sec-Fetch-Site: cross-site", "Origin: https://mal.example"}, 403, true},
			{"from a site beside it", operator, []string{"Sec-Fetch-Site: same-site"}, 403, true},
			{"from another site by an older browser", operator, []string{"Origin: https://mal.example"}, 403, true},
			{"from a page without an origin", operator, []string{"Origin: null"}, 403, true},
			{"from another site, with an operator's token", stranger, []string{bearer(operatorToken), "Origin: https://mal.example"}, 403, true},
		} {
			if route.Own && !test.own {
				continue
			}
			if a := g.send(test.client, route.Method, path, "", test.fields...); a.status != test.want {
				g.t.Errorf("%s %s is answered %d, want %d", name, test.it, a.status, test.want)
			}
		}
		if g.reached() != before {
			g.t.Errorf("%s was done although it was refused", name)
		}
		if route.Own {
			continue
		}
		before = g.reached()
		if a := g.send(operator, route.Method, path, "", bearer(viewerToken)); api && (a.status != 403 || g.reached() != before) {
			g.t.Errorf("%s with a viewer's token and an operator's login is answered %d", name, a.status)
		}
		before = g.reached()
		if a := g.send(stranger, route.Method, path, "", bearer(operatorToken)); !api && (a.status != 401 || g.reached() != before) {
			g.t.Errorf("%s takes a token, and is answered %d", name, a.status)
		}
		allowed := map[string]heard{"an operator's login": g.send(operator, route.Method, path, "", "Sec-Fetch-Site: same-origin")}
		if api {
			allowed["an operator's token"] = g.send(stranger, route.Method, path, "", bearer(operatorToken))
		}
		for it, a := range allowed {
			if a.status != 200 || !strings.Contains(a.body, "done for olga") {
				g.t.Errorf("%s with %s is answered %d: %s", name, it, a.status, a.body)
			}
		}
	}
	if changing == 0 {
		g.t.Error("no route changes anything, so that nothing was proved")
	}
}

func TestEveryRouteThatChangesSomethingIsGuarded(t *testing.T) { newGate(t, nil).wantGuarded() }

func TestWhoMayRead(t *testing.T) {
	g := newGate(t, nil)
	stranger := g.browser()
	for _, test := range []struct {
		it, path, token string
		want            int
	}{
		{"anybody reads what is for anybody", "/health", "", 200},
		{"a person without a token is sent to sign in", "/users/7", "", 303},
		{"a program without a token is told so", "/api/v1/users", "", 401},
		{"no page takes a token", "/users/7", viewerToken, 303},
		{"an operator's neither", "/secrets", operatorToken, 303},
		{"a viewer reads the API", "/api/v1/users", viewerToken, 200},
		{"an operator reads, too", "/api/v1/users", operatorToken, 200},
		{"a viewer does not read what is for operators", "/api/v1/secrets", viewerToken, 403},
		{"an operator does", "/api/v1/secrets", operatorToken, 200},
		{"what is not there is not there for anybody", "/nothing", operatorToken, 404},
	} {
		t.Run(test.it, func(t *testing.T) {
			var fields []string
			if test.token != "" {
				fields = append(fields, "Authorization: bearer "+test.token)
			}
			a := g.send(stranger, "GET", test.path, "", fields...)
			if a.status != test.want {
				t.Errorf("status %d, want %d", a.status, test.want)
			}
		})
	}
	for it, test := range map[string]struct {
		token string
		want  int
	}{
		"a viewer who signed in does not read the operators' page": {viewerToken, 403},
		"an operator who signed in does":                           {operatorToken, 200},
	} {
		if a := g.send(g.signedIn(test.token), "GET", "/secrets", ""); a.status != test.want {
			t.Errorf("%s: status %d, want %d", it, a.status, test.want)
		}
	}
	if a := g.send(stranger, "GET", "/users/7?tab=a%26b", ""); a.header.Get("Location") != "/login?next=%2Fusers%2F7%3Ftab%3Da%2526b" {
		t.Errorf("sent to %s", a.header.Get("Location"))
	}
	a := g.send(stranger, "GET", "/api/v1/users", "")
	if a.header.Get("WWW-Authenticate") != `Bearer realm="alta"` || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.body, `"status":401`) {
		t.Errorf("a program is told %v: %s", a.header, a.body)
	}
}

// A ledger that can't be read lets nobody in, and nobody is taken for unknown.
func TestALedgerThatCantBeReadLetsNobodyIn(t *testing.T) {
	g := newGate(t, nil)
	c := g.signedIn(operatorToken)
	g.ring.fail(errors.New("the disk is gone"))
	for _, path := range []string{"/users/7", "/api/v1/users"} {
		a := g.send(c, "GET", path, "")
		if a.status != 503 || strings.Contains(a.body, "the disk is gone") {
			t.Errorf("%s is answered %d: %s", path, a.status, a.body)
		}
	}
	if a := g.signIn(g.browser(), operatorToken); a.status != 503 {
		t.Errorf("signing in is answered %d", a.status)
	}
	if a := g.send(c, "POST", "/logout", ""); a.status != 503 {
		t.Errorf("signing out is answered %d", a.status)
	}
	if !strings.Contains(g.log.String(), "the disk is gone") {
		t.Errorf("the log says %s", g.log.String())
	}
}

func TestATableThatForgetsSomethingIsRefused(t *testing.T) {
	g := newGate(t, nil)
	ok := http.NotFoundHandler()
	for it, routes := range map[string][]Route{
		"a change for anybody":        {{Method: "POST", Path: "/a", Who: Anybody, Handler: ok}},
		"a change for viewers":        {{Method: "DELETE", Path: "/a", Who: Viewers, Handler: ok}},
		"an odd method for viewers":   {{Method: "PROPFIND", Path: "/a", Who: Viewers, Handler: ok}},
		"a route without a method":    {{Path: "/a", Handler: ok}},
		"a route without a handler":   {{Method: "GET", Path: "/a"}},
		"a route of another host":     {{Method: "GET", Path: "alta.example/", Handler: ok}},
		"a route that is there twice": {{Method: "GET", Path: "/a", Handler: ok}, {Method: "GET", Path: "/a", Who: Anybody, Handler: ok}},
	} {
		if _, err := g.guard.Serve(routes); err == nil {
			t.Errorf("%s is taken", it)
		}
	}
	// A route of which nobody thought is for operators alone.
	if (Access(0)).admits(Who{"vera", Viewer}) || !(Access(0)).admits(Who{"olga", Operator}) || Viewers.admits(Who{"x", "root"}) {
		t.Error("the zero value is not the strictest")
	}
}

func TestEveryAnswerHasTheHeadersOfSecurity(t *testing.T) {
	for _, test := range []struct {
		it   string
		o    func(*GuardOptions)
		hsts bool
	}{
		{"in clear", nil, false},
		{"with TLS", func(o *GuardOptions) { o.TLS = true }, true},
		{"behind a proxy with TLS", func(o *GuardOptions) { o.BehindProxy = true }, true},
	} {
		t.Run(test.it, func(t *testing.T) {
			g := newGate(t, test.o)
			for _, path := range []string{"/login", "/users/7", "/api/v1/users", "/nothing", "/health"} {
				h := g.send(g.browser(), "GET", path, "").header
				csp := h.Get("Content-Security-Policy")
				for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
					if !strings.Contains(csp, want) {
						t.Errorf("%s: no %s in %q", path, want, csp)
					}
				}
				if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
					t.Errorf("%s: %q", path, csp)
				}
				for name, want := range map[string]string{
					"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
					"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
				} {
					if h.Get(name) != want {
						t.Errorf("%s: %s is %q", path, name, h.Get(name))
					}
				}
				if got := h.Get("Strict-Transport-Security") != ""; got != test.hsts {
					t.Errorf("%s: Strict-Transport-Security is there: %v", path, got)
				}
			}
		})
	}
}

// A form can be sent by anybody, and be of many parts that Go would put on the disk.
func TestNoFormIsTooLarge(t *testing.T) {
	g := newGate(t, nil)
	read := make(chan int64, 1)
	h, err := g.guard.Serve([]Route{{Method: "POST", Path: "/anything", Who: Anybody, Own: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if _, cut := errors.AsType[*http.MaxBytesError](err); !cut {
			t.Errorf("the body ends with %v", err)
		}
		read <- n
	})}, {Method: "POST", Path: languagePath, Who: Anybody, Own: true, Handler: http.HandlerFunc(g.guard.Pages.SetLanguage)}})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, h)
	t.Cleanup(func() { closeServer(t, s) })
	post := func(path, kind, body string) int {
		t.Helper()
		response, err := g.browser().Post("http://"+s.Addr()+path, kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	post("/anything", "text/plain", strings.Repeat("x", 4*maxActForm))
	if n := <-read; n != maxActForm {
		t.Errorf("%d bytes were read, want %d", n, maxActForm)
	}
	if status := post(languagePath, "application/x-www-form-urlencoded", "language=es&more="+strings.Repeat("x", maxActForm)); status != 400 {
		t.Errorf("a form of more is answered %d, want 400", status)
	}
	// A form of parts is none that the page sends, so that it changes nothing.
	if status := post(languagePath, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nes\r\n--x--\r\n"); status != 303 {
		t.Errorf("a form of parts is answered %d, want 303", status)
	}
}
