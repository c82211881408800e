package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// However often a link is fetched, by whatever, no session is opened.
func TestAThousandGETsMintNothing(t *testing.T) {
	w := newWorld(t)
	path := "/k/" + tokenOf(1)
	for range 10 {
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				method := "GET"
				if i%10 == 0 {
					method = "HEAD"
				}
				if got := w.do(t, method, path, chrome(), ""); got.status != http.StatusOK {
					t.Errorf("%s: %d", method, got.status)
				}
			})
		}
		all.Wait()
	}
	if w.mint.calls != 0 {
		t.Errorf("%d links are minted", w.mint.calls)
	}
	want := map[pipeline.VisitKind]int{pipeline.Opened: 900, pipeline.Scanned: 100}
	if diff := cmp.Diff(want, w.counted(t)); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

// Fifty who press at the same time get one link, and one of them mints it.
func TestFiftyPOSTsMintOne(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), "")
			if got.status != http.StatusSeeOther || got.header.Get("Location") != kycLink || got.body != "" {
				t.Errorf("%d to %q with %q", got.status, got.header.Get("Location"), got.body)
			}
			w.wantHeaders(t, "the answer", got.header)
		})
	}
	all.Wait()
	if w.mint.calls != 1 {
		t.Errorf("%d links are minted", w.mint.calls)
	}
	want := map[pipeline.VisitKind]int{pipeline.Minted: 1, pipeline.Reused: 49}
	if diff := cmp.Diff(want, w.counted(t)); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

// What each standing of a user, and each answer of the partner API, looks like to
// whoever presses the button.
func TestPress(t *testing.T) {
	country := &pipeline.Fault{Kind: pipeline.Hold, Code: "capa.template", Country: pipeline.MX, Reason: "no template"}
	for _, tt := range []struct {
		sentence string
		status   pipeline.Status
		gone     bool
		dead     bool
		fault    error
		code     int
		retry    string
		says     string
		visit    pipeline.VisitKind
	}{
		{"a pending user goes to the verification", pipeline.Pending, false, false, nil, 303, "", "", pipeline.Minted},
		{"one in review too", pipeline.InReview, false, false, nil, 303, "", "", pipeline.Minted},
		{"one who opted out and got a mail all the same too", pipeline.OptedOut, false, false, nil, 303, "", "", pipeline.Minted},
		{"a verified user is told", pipeline.Verified, false, false, nil, 410, "", "ya está verificada", pipeline.Turned},
		{"a rejected user is sent to support", pipeline.Rejected, false, false, nil, 410, "", "mailto:ayuda@acme.example", pipeline.Turned},
		{"one who opted out is told how to come back", pipeline.OptedOut, false, true, nil, 410, "", "¿Quieres retomarla?", pipeline.Turned},
		{"one who owes nothing is told", pipeline.Pending, true, false, nil, 410, "", "no hay ninguna verificación pendiente", pipeline.Turned},
		{"a spent budget says when", pipeline.Pending, false, false, &pipeline.Fault{Kind: pipeline.Retry, Code: pipeline.CodeBudget, After: 90*time.Minute + time.Second}, 429, "5401", "a partir del 2026-11-24 a las 16:01 (CST)", pipeline.Turned},
		{"an outage offers a mail", pipeline.Pending, false, false, &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key"}, 503, "60", "/later\"><button>Avísenme por correo", pipeline.Turned},
		{"so does a country on hold", pipeline.Pending, false, false, country, 503, "60", "/later\"><button>Avísenme por correo", pipeline.Turned},
		{"a user whose record is wrong is sent to support", pipeline.Pending, false, false, &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.not_found"}, 409, "", "mailto:ayuda@acme.example", pipeline.Turned},
		{"alta's own fault is owned up to", pipeline.Pending, false, false, errors.New("disk I/O error"), 500, "", "Algo falló de nuestro lado", pipeline.Turned},
		{"an erased user meanwhile is unknown", pipeline.Pending, false, false, ErrUnknownTicket, 404, "", "No reconocemos este enlace", pipeline.Turned},
		{"a user whom the API will not have, and the ledger does not know why yet, tries again", pipeline.Pending, false, false, &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"}, 503, "5", "Un momento, por favor", pipeline.Turned},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			w := newWorld(t, func(o *PublicOptions) {
				if tt.fault != nil {
					o.Opener = failing{tt.fault}
				}
			})
			u := mexican()
			u.Status = tt.status
			w.book.put(1, pipeline.Ticket{User: u, Withdrawn: tt.gone, Dead: tt.dead})
			got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), "")
			w.wantHeaders(t, "the answer", got.header)
			if got.status != tt.code || got.header.Get("Retry-After") != tt.retry || !strings.Contains(got.body, tt.says) {
				t.Errorf("%d, Retry-After %q, want %d, %q and %q:\n%s", got.status, got.header.Get("Retry-After"), tt.code, tt.retry, tt.says, got.body)
			}
			location := ""
			if tt.code == http.StatusSeeOther {
				location = kycLink
			}
			if got.header.Get("Location") != location {
				t.Errorf("sent to %q", got.header.Get("Location"))
			}
			if diff := cmp.Diff(map[pipeline.VisitKind]int{tt.visit: 1}, w.counted(t)); diff != "" {
				t.Errorf("visits (-want +got):\n%s", diff)
			}
			for _, secret := range []string{tokenOf(1), "s3cr3t", "Ana", "ana@"} {
				if strings.Contains(w.log.String(), secret) {
					t.Errorf("the log holds %q:\n%s", secret, w.log)
				}
			}
		})
	}
}

// failing is an opener that opens nothing.
type failing struct{ err error }

func (f failing) Open(context.Context, pipeline.Holder) (pipeline.Link, bool, error) {
	return pipeline.Link{}, false, f.err
}

// A user whom the partner API calls verified, just before the mint, is told so.
func TestDoneMeanwhile(t *testing.T) {
	w := newWorld(t, func(o *PublicOptions) {
		b := o.Tickets.(*book)
		o.Opener = pipeline.Counter{Ledger: b, Now: today, Ask: func(context.Context, *pipeline.Delivery) error {
			u := mexican()
			u.Status = pipeline.Verified
			b.put(1, pipeline.Ticket{User: u})
			return &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"}
		}}
	})
	defer w.finish(t)
	if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), ""); got.status != http.StatusGone || !strings.Contains(got.body, "ya está verificada") {
		t.Errorf("%d:\n%s", got.status, got.body)
	}
}

func TestUnknownTokens(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	erased := mexican()
	erased.Status = pipeline.Erased
	w.book.put(3, pipeline.Ticket{User: erased})
	for _, token := range []string{tokenOf(2), tokenOf(3), "x", "", strings.Repeat("A", 23), "%27%3E%3Cscript%3E"} {
		for where, path := range pathsOf(token) {
			if where == hook || where == robots {
				continue
			}
			for method := range w.public.routes[where] {
				got := w.do(t, method, path, ours(), "confirm=yes")
				w.wantHeaders(t, method+" "+path, got.header)
				if got.status != http.StatusNotFound || !strings.Contains(got.body, "No reconocemos este enlace") || !strings.Contains(got.body, `lang="es"`) {
					t.Errorf("%s %s: %d:\n%s", method, path, got.status, got.body)
				}
				if strings.Contains(got.body, "Ana") || strings.Contains(strings.ToLower(got.body), "<script") || strings.Contains(got.body, "<form") {
					t.Errorf("%s %s shows too much:\n%s", method, path, got.body)
				}
			}
		}
	}
}

// The page is in the user's own Spanish, whatever the browser asks for.
func TestLanguageIsTheUsers(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	w.book.put(2, pipeline.Ticket{User: dominican()})
	for token, lang := range map[byte]string{1: "es-MX", 2: "es-DO"} {
		got := w.do(t, "GET", "/k/"+tokenOf(token), chrome(), "")
		if got.header.Get("Content-Language") != lang || !strings.Contains(got.body, `<html lang="`+lang+`"`) {
			t.Errorf("%s: %q", lang, got.header.Get("Content-Language"))
		}
	}
}

// The form of another site opens nothing; a click in a mail, an old browser that
// hides its origin, and a proxy that changes the host, do.
func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		sentence, site, origin string
		status                 int
	}{
		{"the page's own button", "same-origin", "null", 303},
		{"a page that is reloaded by hand", "none", "", 303},
		{"an old browser, with the origin that Referrer-Policy leaves it", "", "null", 303},
		{"an old browser behind a proxy that changes the host", "", "https://kyc.partner.example", 303},
		{"a program", "", "", 303},
		{"another site's form", "cross-site", "https://evil.example", 403},
		{"another site's form that hides its origin", "cross-site", "null", 403},
		{"a neighbour's form", "same-site", "https://other.partner.example", 403},
		{"another site's form in an old browser", "", "https://evil.example", 403},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			w := newWorld(t)
			defer w.finish(t)
			h := ours()
			h.Del("Sec-Fetch-Site")
			h.Del("Origin")
			if tt.site != "" {
				h.Set("Sec-Fetch-Site", tt.site)
			}
			if tt.origin != "" {
				h.Set("Origin", tt.origin)
			}
			got := w.do(t, "POST", "/k/"+tokenOf(1), h, "")
			if got.status != tt.status {
				t.Errorf("%d:\n%s", got.status, got.body)
			}
			if minted := w.mint.calls == 1; minted != (tt.status == 303) {
				t.Errorf("%d mints", w.mint.calls)
			}
			if later := w.do(t, "POST", "/k/"+tokenOf(1)+"/later", h, ""); (later.status == 200) != (tt.status == 303) {
				t.Errorf("later: %d", later.status)
			}
		})
	}
}

// A flood of presses opens so many sessions at one time and no more; whoever comes
// on top is asked to come again, and what is under way goes on.
func TestOpensAreBounded(t *testing.T) {
	const most = 3
	w := newWorld(t, func(o *PublicOptions) { o.MostOpens = most })
	entered, release := make(chan struct{}, most), make(chan struct{})
	w.public.Opener = openerFunc(func() (pipeline.Link, bool, error) {
		entered <- struct{}{}
		<-release
		return pipeline.Link{URL: pipeline.NewSecret(kycLink)}, true, nil
	})
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), ""); got.status != http.StatusSeeOther {
				t.Errorf("%d", got.status)
			}
		})
	}
	for range most {
		<-entered
	}
	got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), "")
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" || !strings.Contains(got.body, "Un momento, por favor") {
		t.Errorf("%d after %q:\n%s", got.status, got.header.Get("Retry-After"), got.body)
	}
	close(release)
	all.Wait()
	if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), ""); got.status != http.StatusSeeOther {
		t.Errorf("after the flood: %d", got.status)
	}
	if diff := cmp.Diff(map[pipeline.VisitKind]int{pipeline.Minted: 4, pipeline.Turned: 1}, w.counted(t)); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

// openerFunc is an opener that does as it is told.
type openerFunc func() (pipeline.Link, bool, error)

func (f openerFunc) Open(context.Context, pipeline.Holder) (pipeline.Link, bool, error) { return f() }

// A partner API that takes longer than the server's limits still leads the user to
// the verification. The limits are those of real connections, so this takes what
// it takes.
func TestSlowMintOutlastsTheServersLimits(t *testing.T) {
	const limit = 50 * time.Millisecond
	w := newWorld(t)
	defer w.finish(t)
	over := make(chan struct{})
	w.public.Opener = openerFunc(func() (pipeline.Link, bool, error) {
		<-over
		return pipeline.Link{URL: pipeline.NewSecret(kycLink)}, true, nil
	})
	w.Server = httptest.NewUnstartedServer(w.public)
	w.Config.ReadTimeout, w.Config.WriteTimeout = limit, limit
	w.Start()
	defer w.Close()
	time.AfterFunc(4*limit, func() { close(over) })
	if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), ""); got.status != http.StatusSeeOther {
		t.Errorf("%d", got.status)
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	for where, path := range pathsOf(tokenOf(1)) {
		if where == hook || where == robots {
			continue
		}
		got := w.do(t, "POST", path, ours(), strings.Repeat("x", mostBody+1))
		if got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, got.status)
		}
		w.wantHeaders(t, path, got.header)
	}
	if fmt.Sprint(w.mint.calls, w.book.asked, w.book.optOuts) != "0 0 0" {
		t.Error("a body that is too large changed something")
	}
	if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), strings.Repeat("x", mostBody)); got.status != http.StatusSeeOther {
		t.Errorf("a body that is just small enough: %d", got.status)
	}
}

func TestAskLater(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	path := "/k/" + tokenOf(1) + "/later"
	for range 2 {
		if got := w.do(t, "POST", path, ours(), ""); got.status != http.StatusOK || !strings.Contains(got.body, "te avisamos por correo") {
			t.Errorf("%d:\n%s", got.status, got.body)
		}
	}
	done := mexican()
	done.Status = pipeline.Verified
	w.book.put(2, pipeline.Ticket{User: done})
	if got := w.do(t, "POST", "/k/"+tokenOf(2)+"/later", ours(), ""); got.status != http.StatusGone {
		t.Errorf("a user who is done: %d", got.status)
	}
	if w.book.asked != 2 {
		t.Errorf("asked %d times", w.book.asked)
	}
}

// A user who is done between the look and the wish is told so, and alta's log hears
// of no fault.
func TestAskLaterTooLate(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	w.public.Askers = tooLate{w.book}
	if got := w.do(t, "POST", "/k/"+tokenOf(1)+"/later", ours(), ""); got.status != http.StatusGone || !strings.Contains(got.body, "ya está verificada") {
		t.Errorf("%d:\n%s", got.status, got.body)
	}
	if w.log.Len() != 0 {
		t.Errorf("the log:\n%s", w.log)
	}
}

// tooLate is a ledger whose user is verified before the wish is noted.
type tooLate struct{ *book }

func (l tooLate) AskLater(context.Context, pipeline.TicketDigest, time.Time) error {
	u := mexican()
	u.Status = pipeline.Verified
	l.put(1, pipeline.Ticket{User: u})
	return fmt.Errorf("note who wants a mail later: %w", &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"})
}

// A ledger that does not answer is told to the user and to the log, and to neither
// more than they may know.
func TestLedgerIsDown(t *testing.T) {
	w := newWorld(t)
	w.book.fault = errors.New("disk I/O error")
	for where, path := range pathsOf(tokenOf(1)) {
		for method := range w.public.routes[where] {
			if where == robots {
				continue
			}
			got := w.do(t, method, path, ours(), "confirm=yes")
			if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "Algo falló") || strings.Contains(got.body, "disk") {
				t.Errorf("%s %s: %d:\n%s", method, path, got.status, got.body)
			}
		}
	}
	if log := w.log.String(); !strings.Contains(log, "disk I/O error") || strings.Contains(log, tokenOf(1)) {
		t.Errorf("the log:\n%s", log)
	}
	w.book.fault = nil
	w.finish(t)
}
