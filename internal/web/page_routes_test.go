package web

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"
)

// newDesk is the whole page behind its guard, on a real listener.
func newDesk(t *testing.T) (*gate, *fakeLedger, *fakeAttention, *fakeMails) {
	t.Helper()
	g := &gate{t: t, ring: newKeyRing(), done: map[string]int{}, now: pageNow()}
	pages := operatorPagesFor(t, GuardedBy)
	var err error
	if g.guard, err = NewGuard(GuardOptions{Doors: g.ring, Pages: pages, Now: g.clock, Random: rand.Reader, Log: quiet()}); err != nil {
		t.Fatal(err)
	}
	l, a, m := &fakeLedger{overview: badOverview(pageNow())}, busyAttention(), &fakeMails{content: realMail(t)}
	streams := NewStreams(pages, l, time.Now)
	g.routes = append(g.guard.LoginRoutes(), Desk{
		Pages: pages, Overview: &OverviewPage{pages, l, l, l}, Streams: streams, Forecast: &ForecastPage{pages, busyForecast()},
		Attention: &AttentionPage{pages, a}, Mails: &MailsPage{pages, m},
	}.Routes()...)
	h, err := g.guard.Serve(g.routes)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, h)
	s.BeforeClose(streams.Close)
	t.Cleanup(func() { closeServer(t, s) })
	g.base = "http://" + s.Addr()
	return g, l, a, m
}

// Whatever changes something is refused without a token, with a viewer's, and from
// another site; and nothing is done.
func TestEveryActOfThePagesIsGuarded(t *testing.T) {
	g, ledger, attention, mails := newDesk(t)
	viewer, operator, stranger := g.signedIn(viewerToken), g.signedIn(operatorToken), g.browser()
	const form = "reason=ok&typed=5000&do=resend&user=a&id=x&event=y&to=a@x.example&step=invite&locale=es-MX"
	acts := 0
	for _, route := range g.routes {
		if safe(route.Method) || route.Own {
			continue
		}
		acts++
		for it, tt := range map[string]struct {
			client *http.Client
			fields []string
			want   int
		}{
			"without a token":       {stranger, nil, 401},
			"with a viewer's login": {viewer, nil, 403},
			"from another site":     {operator, []string{"Sec-Fetch-Site: cross-site", "Origin: https://mal.example"}, 403},
		} {
			if a := g.send(tt.client, route.Method, route.Path, form, tt.fields...); a.status != tt.want {
				t.Errorf("%s %s is answered %d, want %d", route.Path, it, a.status, tt.want)
			}
		}
	}
	if did := strings.Join(ledger.acts, "") + attention.did + mails.sent; acts == 0 || did != "" {
		t.Fatalf("of %d acts, done although refused: %q", acts, did)
	}
	for _, route := range g.routes {
		if !safe(route.Method) && !route.Own {
			if a := g.send(operator, route.Method, route.Path, form, "Sec-Fetch-Site: same-origin"); a.status != 200 && a.status != 303 {
				t.Errorf("%s with an operator's login is answered %d: %s", route.Path, a.status, a.body)
			}
		}
	}
	if len(ledger.acts) != 2 || attention.did == "" || mails.sent == "" {
		t.Errorf("done: %q, %q, %q", ledger.acts, attention.did, mails.sent)
	}
	for _, act := range append(ledger.acts, attention.did, mails.sent) {
		if !strings.Contains(act, " token:olga ") {
			t.Errorf("an act has another author: %s", act)
		}
	}
}

// A viewer reads every page, sees no forms of acts, and is offered the way out.
func TestViewersReadEveryPage(t *testing.T) {
	g, _, _, _ := newDesk(t)
	viewer := g.signedIn(viewerToken)
	pages := 0
	for _, route := range g.routes {
		if !safe(route.Method) || route.Who != Viewers || route.Path == "/events" || route.Path == "/mails/frame" {
			continue
		}
		path := strings.TrimSuffix(route.Path, "{$}")
		if path == "/attention/group" {
			path += "?state=doubt&code=smtp.timeout&country=MX"
		}
		pages++
		a := g.send(viewer, "GET", path, "")
		if a.status != 200 || !strings.Contains(a.body, `action="/logout"`) || !strings.Contains(a.body, ">vera<") {
			t.Errorf("%s is answered %d: %s", path, a.status, a.body)
		}
		checkActs(t, a.body, false)
	}
	if pages < 5 {
		t.Errorf("only %d pages", pages)
	}
}

// What is not there is told by a page, and what can't be done there as well.
func TestWhatIsNotThereIsToldByAPage(t *testing.T) {
	g, _, _, _ := newDesk(t)
	operator := g.signedIn(operatorToken)
	for _, tt := range []struct {
		method, path string
		status       int
		shows        string
	}{
		{"GET", "/nowhere", 404, "There is nothing here"},
		{"GET", "/attention/nowhere", 404, "There is nothing here"},
		{"POST", "/forecast", 405, "That can&#39;t be done here"},
		{"GET", "/outage/try", 405, "That can&#39;t be done here"},
	} {
		a := g.send(operator, tt.method, tt.path, "")
		if a.status != tt.status || !strings.Contains(a.body, tt.shows) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s %s is answered %d: %s", tt.method, tt.path, a.status, a.body)
		}
		if tt.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
	if a := g.send(operator, "GET", "/api/v1/nowhere", ""); a.status != 404 || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program is told %d %v", a.status, a.header)
	}
}
