package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// What each standing of a user, and each answer of the partner API, looks like to

// whoever presses the button.

// failing is an opener that opens nothing.

// A user whom the partner API calls verified, just before the mint, is told so.

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

// openerFunc is an opener that does as it is told.

// A partner API that takes longer than the server's limits still leads the user to

// the verification. The limits are those of real connections, so this takes what

// it takes.

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

// A mail is offered to those alone who would get it, and a wish that can't be kept is
// not answered with a promise that some seconds would do.
func TestNoMailIsOfferedInVain(t *testing.T) {
	for _, tt := range []struct {
		sentence string
		noMail   bool
		method   string // of the wish, where there is one
		offers   bool
	}{
		{"an outage offers a mail to one who may be mailed", false, "", true},
		{"it offers none to one who may not", true, "", false},
		{"a wish that is refused all the same gets the outage without the offer", false, "later", false},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			w := newWorld(t)
			defer w.finish(t)
			w.book.put(1, pipeline.Ticket{User: mexican(), NoMail: tt.noMail})
			w.mint.fault = &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.unreachable"}
			path := "/k/" + tokenOf(1)
			if tt.method != "" {
				w.public.Askers = vain{w.book}
				path += "/later"
			}
			got := w.do(t, "POST", path, ours(), "")
			if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "60" {
				t.Errorf("%d, Retry-After %q", got.status, got.header.Get("Retry-After"))
			}
			if offers := strings.Contains(got.body, "/later\""); offers != tt.offers {
				t.Errorf("offers a mail: %v\n%s", offers, got.body)
			}
		})
	}
}

// vain is a ledger that mails the user no more since the page was made.
type vain struct{ *book }

func (vain) AskLater(context.Context, pipeline.TicketDigest, time.Time) error {
	return &pipeline.Fault{Kind: pipeline.Cancel, Code: "later_vain"}
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
