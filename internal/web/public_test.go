package web

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"alta/pipeline"
)

// pathsOf returns a path of each place that the table of routes has.
func pathsOf(token string) map[place]string {
	return map[place]string{
		landing: "/k/" + token, later: "/k/" + token + "/later", leaving: "/u/" + token, hook: "/hooks/capa", robots: "/robots.txt",
	}
}

// changing are the routes that change something, by their place: a new one fails
// this test until it is here.
func changing() map[place]string {
	return map[place]string{landing: "POST", later: "POST", leaving: "POST", hook: "POST"}
}

// Every route of the table: it has a path, its methods and no others are answered,
// GET and HEAD change nothing, and whatever is answered carries all headers.
func TestEveryRoute(t *testing.T) {
	hooked := 0
	w := newWorld(t, func(o *PublicOptions) {
		o.Hook = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hooked++
			w.WriteHeader(http.StatusNoContent)
		})
	})
	defer w.finish(t)
	paths := pathsOf(tokenOf(1))
	for where, route := range w.public.routes {
		path, known := paths[where]
		if !known {
			t.Fatalf("this test knows no path of the place %d", where)
		}
		for method := range route {
			if method != "GET" && changing()[where] != method {
				t.Errorf("%s %s changes something, and this test does not know of it", method, path)
			}
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			safe := method == "GET" || method == "HEAD"
			before := fmt.Sprint(w.book.tickets, w.book.asked, w.book.optOuts, w.mint.calls, hooked)
			got := w.do(t, method, path, ours(), "List-Unsubscribe=One-Click")
			w.wantHeaders(t, method+" "+path, got.header)
			answers := route[method] != nil || method == "HEAD" && route["GET"] != nil
			if refused := got.status == http.StatusMethodNotAllowed; refused == answers {
				t.Errorf("%s %s: %d", method, path, got.status)
			}
			if !answers && got.header.Get("Allow") != route.allow() {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got.header.Get("Allow"), route.allow())
			}
			if after := fmt.Sprint(w.book.tickets, w.book.asked, w.book.optOuts, w.mint.calls, hooked); after != before && (safe || !answers) {
				t.Errorf("%s %s changed something:\n%s\n%s", method, path, before, after)
			}
			if method == "HEAD" && got.body != "" {
				t.Errorf("HEAD %s has a body", path)
			}
			w.book.put(1, pipeline.Ticket{User: mexican()})
		}
		delete(paths, where)
	}
	if len(paths) != 0 {
		t.Errorf("no route has %v", paths)
	}
	if hooked != 1 {
		t.Errorf("the webhook was called %d times", hooked)
	}
}

// wantHeaders checks what stands on every answer.
func (w *world) wantHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range w.public.headers {
		if !slices.Equal(h[name], want) {
			t.Errorf("%s: %s is %q, want %q", what, name, h[name], want)
		}
	}
	for _, name := range []string{
		"Content-Security-Policy", "Cache-Control", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "X-Robots-Tag",
		"Permissions-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security",
	} {
		if h.Get(name) == "" {
			t.Errorf("%s: no %s", what, name)
		}
	}
	if len(h["Set-Cookie"]) != 0 {
		t.Errorf("%s sets a cookie", what)
	}
}

// Nothing else is there, and nobody is sent anywhere.
func TestNothingElseIsPublic(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	for _, path := range []string{
		"/", "/k", "/u", "/favicon.ico", "/metrics", "/healthz", "/readyz", "/hooks/capa", "/hooks/", "/k/" + tokenOf(1) + "/", "/k/" + tokenOf(1) + "/more",
		"//k/" + tokenOf(1), "/k//" + tokenOf(1), "/./k/" + tokenOf(1), "/x/../k/" + tokenOf(1), "/k/..%2f..%2fetc/passwd", "//evil.example/", "/k/%2e%2e/x",
		"/public/style.css", "/%00",
	} {
		for _, method := range []string{"GET", "POST"} {
			got := w.do(t, method, path, ours(), "")
			w.wantHeaders(t, method+" "+path, got.header)
			if got.status != http.StatusNotFound || got.header.Get("Location") != "" {
				t.Errorf("%s %s: %d to %q", method, path, got.status, got.header.Get("Location"))
			}
		}
	}
	if got := w.do(t, "GET", "/robots.txt", chrome(), ""); got.status != http.StatusOK || got.body != "User-agent: *\nDisallow: /\n" {
		t.Errorf("robots.txt: %d %q", got.status, got.body)
	}
	if w.mint.calls != 0 {
		t.Error("a path that is none minted a link")
	}
}

// The webhook gets its request as it came, whoever sent it.
func TestHookIsMounted(t *testing.T) {
	var body string
	w := newWorld(t, func(o *PublicOptions) {
		o.Hook = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			body = r.Header.Get("capa-signature") + " " + string(raw)
			w.WriteHeader(http.StatusAccepted)
		})
	})
	defer w.finish(t)
	h := http.Header{"Capa-Signature": {"abc"}, "Origin": {"https://elsewhere.example"}, "Sec-Fetch-Site": {"cross-site"}}
	long := strings.Repeat("x", 2*mostBody)
	if got := w.do(t, "POST", "/hooks/capa", h, long); got.status != http.StatusAccepted || body != "abc "+long {
		t.Errorf("%d, %d bytes", got.status, len(body))
	}
}

// The base address may have a path, and a proxy may strip it or not. One of http
// promises no https.
func TestBaseURL(t *testing.T) {
	w := newWorld(t, func(o *PublicOptions) { o.BaseURL = "http://127.0.0.1:8081/kyc" })
	defer w.finish(t)
	for _, path := range []string{"/kyc/k/" + tokenOf(1), "/k/" + tokenOf(1)} {
		got := w.do(t, "GET", path, chrome(), "")
		if got.status != http.StatusOK || got.header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %d, %q", path, got.status, got.header.Get("Strict-Transport-Security"))
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https: http:;") {
			t.Errorf("%s: %s", path, policy)
		}
	}
	odd := newWorld(t, func(o *PublicOptions) { o.BaseURL = "https://partner.example/k" })
	defer odd.finish(t)
	for _, path := range []string{"/k/k/" + tokenOf(1), "/k/" + tokenOf(1)} {
		if got := odd.do(t, "GET", path, chrome(), ""); got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := w.do(t, "GET", "/kyc", chrome(), ""); got.status != http.StatusNotFound {
		t.Errorf("the base address itself: %d", got.status)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := PublicOptions{BaseURL: "https://kyc.partner.example", Brands: publicBrands(), Speech: speech{}}
	if _, err := Public(good); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"", "kyc.partner.example", "ftp://kyc.partner.example", "https://", "https://[::1", "//kyc.partner.example"} {
		bad := good
		bad.BaseURL = base
		if _, err := Public(bad); err == nil {
			t.Errorf("a base address of %q is taken", base)
		}
	}
	bad := good
	bad.Brands = maps.Clone(good.Brands)
	delete(bad.Brands, pipeline.DO)
	if _, err := Public(bad); err == nil || !strings.Contains(err.Error(), "DO has no name") {
		t.Errorf("a country without a brand: %v", err)
	}
}
