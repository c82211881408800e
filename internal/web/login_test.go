package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func cookieOf(a heard) *http.Cookie {
	r := http.Response{Header: a.header}
	for _, c := range r.Cookies() {
		return c
	}
	return nil
}

func TestSigningInAndOut(t *testing.T) {
	g := newGate(t, nil)
	c := g.browser()
	a := g.signIn(c, "  "+operatorToken+"\n") // as it was copied
	if a.status != 303 || a.header.Get("Location") != "/users/7?tab=mails" {
		t.Errorf("signing in is answered %d, and sent to %q", a.status, a.header.Get("Location"))
	}
	cookie := cookieOf(a)
	if cookie == nil || cookie.Name != "alta" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" ||
		cookie.MaxAge != int((12*time.Hour).Seconds()) || cookie.Secure || len(cookie.Value) != 43 || strings.Contains(cookie.Value, "canary") {
		t.Errorf("the cookie is %+v", cookie)
	}
	if a := g.send(c, "GET", "/users/7", ""); a.status != 200 || a.body != "done for olga\n" {
		t.Errorf("the page is answered %d: %s", a.status, a.body)
	}
	if a := g.send(c, "GET", "/api/v1/users", ""); a.status != 200 {
		t.Errorf("the API is answered %d", a.status)
	}
	if a := g.send(c, "POST", "/logout", ""); a.status != 303 || a.header.Get("Location") != "/login" || cookieOf(a).MaxAge >= 0 {
		t.Errorf("signing out is answered %d: %v", a.status, a.header)
	}
	// The cookie is of no use to whoever kept a copy.
	if a := g.send(g.browser(), "GET", "/users/7", "", "Cookie: alta="+cookie.Value); a.status != 303 {
		t.Errorf("with the old cookie the page is answered %d", a.status)
	}
	if n := g.ring.open(); n != 0 {
		t.Errorf("%d logins are open", n)
	}
}

func TestWhereAltaIsReachedByHTTPSTheCookieIsForThatAlone(t *testing.T) {
	for name, change := range map[string]func(*GuardOptions){
		"TLS": func(o *GuardOptions) { o.TLS = true }, "a proxy": func(o *GuardOptions) { o.BehindProxy = true },
	} {
		g := newGate(t, change)
		cookie := cookieOf(g.signIn(g.browser(), viewerToken))
		if cookie == nil || cookie.Name != "__Host-alta" || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("%s: the cookie is %+v", name, cookie)
			continue
		}
		if a := g.send(g.browser(), "GET", "/users/7", "", "Cookie: __Host-alta="+cookie.Value); a.status != 200 {
			t.Errorf("%s: the page is answered %d", name, a.status)
		}
		if a := g.send(g.browser(), "GET", "/users/7", "", "Cookie: alta="+cookie.Value); a.status != 303 {
			t.Errorf("%s: with a cookie that anybody could set the page is answered %d", name, a.status)
		}
	}
}

func TestALoginEnds(t *testing.T) {
	g := newGate(t, nil)
	c := g.signedIn(viewerToken)
	for range 6 { // used every 119 minutes
		if a := g.send(c, "GET", "/users/7", ""); a.status != 200 {
			t.Fatalf("status %d at %s", a.status, g.clock())
		}
		g.pass(2*time.Hour - time.Minute)
	}
	g.pass(7 * time.Minute)
	if a := g.send(c, "GET", "/users/7", ""); a.status != 303 {
		t.Errorf("after twelve hours the page is answered %d", a.status)
	}
	idle := g.signedIn(viewerToken)
	g.pass(2 * time.Hour)
	if a := g.send(idle, "GET", "/users/7", ""); a.status != 303 {
		t.Errorf("after two idle hours the page is answered %d", a.status)
	}
}

// Whoever put a cookie into somebody's browser is not signed in by that person.
func TestSigningInMakesANewLogin(t *testing.T) {
	g := newGate(t, nil)
	c := g.signedIn(viewerToken)
	first := g.ring.open()
	planted := "Cookie: alta=planted"
	a := g.signIn(g.browser(), operatorToken, planted)
	if cookie := cookieOf(a); cookie == nil || cookie.Value == "planted" {
		t.Errorf("the cookie is %+v", cookie)
	}
	if a := g.send(g.browser(), "GET", "/users/7", "", planted); a.status != 303 {
		t.Errorf("the planted cookie is answered %d", a.status)
	}
	before := g.ring.open()
	if a := g.signIn(c, operatorToken); a.status != 303 {
		t.Errorf("signing in again is answered %d", a.status)
	}
	if n := g.ring.open(); n != before || first != 1 {
		t.Errorf("%d logins are open, want %d: the one before ended", n, before)
	}
}

func TestWrongTokensAreRefusedAndNotRepeated(t *testing.T) {
	g := newGate(t, nil)
	c := g.browser()
	for _, token := range []string{"", "alta_wrong-canary", operatorToken + "x", strings.ToUpper(operatorToken), strings.Repeat("x", 4000)} {
		a := g.signIn(c, token)
		if a.status != 403 || cookieOf(a) != nil || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("%.20q is answered %d", token, a.status)
		}
		if token != "" && strings.Contains(a.body, token) {
			t.Errorf("%.20q is repeated", token)
		}
		if !strings.Contains(a.body, `value="/users/7?tab=mails"`) {
			t.Error("where somebody wanted to go is forgotten")
		}
	}
	if a := g.send(c, "POST", "/login", "token="+strings.Repeat("x", largestForm)); a.status != 400 {
		t.Errorf("a form that is too large is answered %d", a.status)
	}
	if a := g.send(c, "POST", "/login?token="+operatorToken, ""); a.status != 403 {
		t.Errorf("a token in the address is answered %d", a.status)
	}
	if log := g.log.String(); strings.Contains(log, "canary") || !strings.Contains(log, "client=127.0.0.1") {
		t.Errorf("the log says %s", log)
	}
}

func TestSigningInIsLimited(t *testing.T) {
	g := newGate(t, nil)
	c := g.browser()
	for range attemptsAtOnce {
		if a := g.signIn(c, "alta_wrong"); a.status != 403 {
			t.Fatalf("status %d", a.status)
		}
	}
	a := g.signIn(c, operatorToken) // the right one either
	if a.status != 429 || a.header.Get("Retry-After") != "6" || cookieOf(a) != nil || !strings.Contains(a.body, "too often") {
		t.Errorf("one too many is answered %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	// What nobody can see can't be had by a header either.
	if a := g.signIn(c, operatorToken, "X-Forwarded-For: 203.0.113.9"); a.status != 429 {
		t.Errorf("with another address of its own word it is answered %d", a.status)
	}
	g.pass(attemptEvery)
	if a := g.signIn(c, operatorToken); a.status != 303 {
		t.Errorf("after a while it is answered %d", a.status)
	}
}

func TestSigningInIsLimitedByTheClientBehindAProxy(t *testing.T) {
	g := newGate(t, func(o *GuardOptions) { o.BehindProxy = true })
	c := g.browser()
	for range attemptsAtOnce {
		if a := g.signIn(c, "alta_wrong", "X-Forwarded-For: 192.0.2.1, 203.0.113.9"); a.status != 403 {
			t.Fatalf("status %d", a.status)
		}
	}
	for fields, want := range map[string]int{
		"X-Forwarded-For: 192.0.2.2, 203.0.113.9": 429, // what stands before the last hop is the client's own word
		"X-Forwarded-For: 203.0.113.10":           403,
	} {
		if a := g.signIn(c, "alta_wrong", fields); a.status != want {
			t.Errorf("%s is answered %d, want %d", fields, a.status, want)
		}
	}
}

func TestThePageToSignInSpeaksTheBrowsersLanguage(t *testing.T) {
	g := newGate(t, nil)
	for accept, want := range map[string]string{
		"": "en", "es": "es", "es-MX,es;q=0.9,en;q=0.8": "es", "en-GB,es;q=0.5": "en", "de": "en", "fr;q=0.9,es-419;q=0.8": "es", "\xff,;;": "en",
	} {
		a := g.send(g.browser(), "GET", "/login?next=/users/7", "", "Accept-Language: "+accept)
		title := map[string]string{"en": "Sign in to alta", "es": "Entrar en alta"}[want]
		if a.status != 200 || a.header.Get("Content-Language") != want || !strings.HasPrefix(a.header.Get("Vary"), "Accept-Language") ||
			!strings.Contains(a.body, `<html lang="`+want+`"`) || !strings.Contains(a.body, title) {
			t.Errorf("%q is answered %d in %q", accept, a.status, a.header.Get("Content-Language"))
		}
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "style=") {
			t.Error("the page breaks its own policy")
		}
	}
	a := g.send(g.browser(), "GET", "/login?next="+url.QueryEscape(`/a"><script>alert(1)</script>`), "")
	if strings.Contains(a.body, "<script>") {
		t.Errorf("markup comes through: %s", a.body)
	}
	for language, words := range map[Language]loginWords{English: english(), Spanish: spanish()} {
		for m := wrongToken; m <= noLedger; m++ {
			if words.mishaps[m] == "" {
				t.Errorf("%s says nothing of mishap %d", language, m)
			}
		}
	}
}

func TestNobodyIsSentToAnotherSite(t *testing.T) {
	for next, want := range map[string]string{
		"":                           "/",
		"/":                          "/",
		"/users/7?tab=mails":         "/users/7?tab=mails",
		"/users?q=a%26b":             "/users?q=a%26b",
		"/caf\u00e9":                 "/caf%C3%A9",
		"users":                      "/",
		"//mal.example":              "/",
		"///mal.example":             "/",
		"/\\mal.example":             "/",
		"/\t/mal.example":            "/",
		"/\n/mal.example":            "/",
		"https://mal.example/":       "/",
		"javascript:alert(1)":        "/",
		"/login?next=/login":         "/",
		"/%2fmal.example/ ":          "/",
		"/users#x":                   "/users",
		"/%zz":                       "/",
		"/a\r\nSet-Cookie: alta=bad": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) is %q, want %q", next, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/users/7", "//mal.example", "/\\mal.example", "/%2f%2fmal.example", "/..//mal.example", "/;@mal.example", "/@mal.example:80"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://alta.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "alta.example" || u.User != nil {
			t.Errorf("localPath(%q) is %q, which leads to %v (%v)", next, got, u, err)
		}
		if len(got) > 1 && (got[1] == '/' || got[1] == '\\') || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == '\\' }) {
			t.Errorf("localPath(%q) is %q", next, got)
		}
		if again := localPath(got); again != got {
			t.Errorf("localPath(%q) is %q, and of that %q", next, got, again)
		}
	})
}

func TestGuessingInTheHeaderIsLimited(t *testing.T) {
	g := newGate(t, nil)
	c := g.browser()
	ask := func(token string) heard { return g.send(c, "GET", "/api/v1/users", "", "Authorization: Bearer "+token) }
	for range guessesAtOnce {
		if a := ask("alta_wrong"); a.status != 401 {
			t.Fatalf("status %d", a.status)
		}
	}
	if a := ask(operatorToken); a.status != 429 || !strings.Contains(a.body, "/problems/too-many") {
		t.Errorf("the right one after too many is answered %d: %s", a.status, a.body)
	}
	g.pass(guessEvery)
	if a := ask(operatorToken); a.status != 200 {
		t.Errorf("after a while it is answered %d", a.status)
	}
}
