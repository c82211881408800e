package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

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

type failing struct{ err error }

func (f failing) Open(context.Context, pipeline.Holder) (pipeline.Link, bool, error) {
	return pipeline.Link{}, false, f.err
}

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

type openerFunc func() (pipeline.Link, bool, error)

func (f openerFunc) Open(context.Context, pipeline.Holder) (pipeline.Link, bool, error) { return f() }

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
