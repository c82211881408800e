package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
	"alta/store"
)

// shelf is a real ledger as the public side knows it.
type shelf struct{ *store.Store }

func known(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrUnknownTicket, err)
	}
	return err
}

func (l shelf) Ticket(ctx context.Context, d pipeline.TicketDigest) (pipeline.Ticket, error) {
	t, err := l.Store.Ticket(ctx, d)
	t.NoMail = t.NoMail || t.Mails >= 6
	return t, known(err)
}

func (l shelf) OptOut(ctx context.Context, d pipeline.TicketDigest, now time.Time) (pipeline.Ticket, bool, error) {
	t, changed, err := l.Store.OptOut(ctx, d, now)
	return t, changed, known(err)
}

func (l shelf) AskLater(ctx context.Context, d pipeline.TicketDigest, now time.Time) error {
	err := l.Store.AskLater(ctx, d, 6, now)
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Code == store.CodeWishNeedless {
		return ErrNoTrouble
	}
	return known(err)
}

func (l shelf) StartSession(ctx context.Context, who pipeline.Holder, r pipeline.SessionRules, now time.Time) (pipeline.Opening, error) {
	o, err := l.Store.StartSession(ctx, who, r, now)
	return o, known(err)
}

// open makes a ledger in which one user was mailed a lasting link, and returns the
// link's token.
func open(t *testing.T) (l shelf, token string) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "alta.db"))
	must(err)
	t.Cleanup(func() { must(s.Close()) })
	key, err := store.ParseKey(store.NewKey())
	must(err)
	must(s.UseKey(ctx, key))
	plan := pipeline.Plan{Reminders: []time.Duration{24 * time.Hour}, MaxMails: 6, Tries: 3}
	u := mexican()
	u.Status = ""
	_, err = s.Enrol(ctx, []pipeline.User{u}, store.Imported, func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
		return plan.Next(u, h, today())
	}, today())
	must(err)
	run, ok, err := s.StartRun(ctx, store.ByCommand, time.Time{}, plan.MinGap, today())
	if must(err); !ok {
		t.Fatal("no run begins")
	}
	q := s.Queue(run, store.Everything)
	batch, err := q.Pull(ctx, today(), 1)
	if must(err); len(batch.Deliveries) != 1 {
		t.Fatalf("%d deliveries are due", len(batch.Deliveries))
	}
	d := &batch.Deliveries[0]
	must(pipeline.Lasting("https://kyc.partner.example", rand.Reader, today)(ctx, d))
	must(q.Keep(ctx, d))
	d.Message = pipeline.Message{ID: "1@partner.example", Date: today()}
	d.Message.Digest = d.Message.Content.Digest()
	must(q.Begin(ctx, d, today()))
	d.Receipt.Reply = "250 2.0.0 Ok"
	must(q.Record(ctx, d, plan.Judge(d, nil, today()), today()))
	return shelf{s}, strings.TrimPrefix(d.Link.URL.Reveal(), "https://kyc.partner.example"+pipeline.TicketPath)
}

// onShelf is a world whose ledger is a real one.
func onShelf(t *testing.T, l shelf) *world {
	t.Helper()
	w := newWorld(t)
	w.finish(t)
	w.visits = NewVisits(l, quiet())
	w.public.Tickets, w.public.OptOuts, w.public.Askers, w.public.Visits = l, l, l, w.visits
	w.public.Opener = pipeline.Counter{Ledger: l, Issuer: w.mint, Now: today, Rules: pipeline.SessionRules{
		Budget: 2, MinLife: time.Hour, TTL: 24 * time.Hour, Lease: time.Minute,
	}}
	return w
}

// On a real ledger a thousand GETs mint nothing, and then fifty who press at once
// mint one link; all of it is counted apart.
func TestGETsAndPOSTsOnARealLedger(t *testing.T) {
	l, token := open(t)
	w := onShelf(t, l)
	path := "/k/" + token
	for range 10 {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got := w.do(t, "GET", path, chrome(), ""); got.status != http.StatusOK || !strings.Contains(got.body, "Hola, Ana Sofía Núñez:") {
					t.Errorf("%d:\n%s", got.status, got.body)
				}
			})
		}
		all.Wait()
	}
	if got, err := l.SessionsOf(t.Context(), "u-mx"); err != nil || len(got) != 0 || w.mint.calls != 0 {
		t.Errorf("%d mints, %d sessions, %v", w.mint.calls, len(got), err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got := w.do(t, "POST", path, ours(), ""); got.status != http.StatusSeeOther || got.header.Get("Location") != kycLink {
				t.Errorf("%d to %q:\n%s", got.status, got.header.Get("Location"), got.body)
			}
		})
	}
	all.Wait()
	if w.mint.calls != 1 {
		t.Errorf("%d links are minted", w.mint.calls)
	}
	w.finish(t)
	visits, err := l.Visits(t.Context(), "u-mx")
	if err != nil {
		t.Fatal(err)
	}
	got := map[pipeline.VisitKind]int{}
	for _, v := range visits {
		got[v.Kind] += v.N
	}
	if diff := cmp.Diff(map[pipeline.VisitKind]int{pipeline.Opened: 1000, pipeline.Minted: 1, pipeline.Reused: 49}, got); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

// From the mail to opting out: a spent budget, a wish for a mail, one click, and a
// link that opens nothing any more.
func TestAWayThroughARealLedger(t *testing.T) {
	l, token := open(t)
	w := onShelf(t, l)
	defer w.finish(t)
	for _, step := range []struct {
		sentence, method, path, body string
		fault                        error
		status                       int
		says                         string
	}{
		{"a token that is nearly right is unknown", "GET", "/k/" + tokenOf(9), "", nil, 404, "No reconocemos este enlace"},
		{"the partner API is out", "POST", "/k/" + token, "", &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key", Doubtful: true}, 503, token + "/later"},
		{"the user wants a mail later", "POST", "/k/" + token + "/later", "", nil, 200, "te avisamos por correo"},
		{"and says so twice", "POST", "/k/" + token + "/later", "", nil, 200, "te avisamos por correo"},
		{"the partner API is out again", "POST", "/k/" + token, "", &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.timeout", Doubtful: true}, 503, token + "/later"},
		{"the budget is spent", "POST", "/k/" + token, "", nil, 429, "a partir del 2026-11-25 a las 14:30 (CST)"},
		{"the user looks at the opting out", "GET", "/u/" + token, "", nil, 200, "¿Quieres dejar de recibir estos correos?"},
		{"and the mail provider does it", "POST", "/u/" + token, "List-Unsubscribe=One-Click", nil, 200, "ya no te mandaremos correos"},
		{"twice", "POST", "/u/" + token, "List-Unsubscribe=One-Click", nil, 200, "ya no te mandaremos correos"},
		{"the link is dead", "GET", "/k/" + token, "", nil, 410, "Pediste no recibir más correos"},
		{"and mints nothing", "POST", "/k/" + token, "", nil, 410, "Pediste no recibir más correos"},
		{"nor is a mail promised", "POST", "/k/" + token + "/later", "", nil, 410, "Pediste no recibir más correos"},
	} {
		w.mint.fault = step.fault
		got := w.do(t, step.method, step.path, ours(), step.body)
		if got.status != step.status || !strings.Contains(got.body, step.says) {
			t.Errorf("%s: %d, want %d and %q:\n%s", step.sentence, got.status, step.status, step.says, got.body)
		}
	}
	if w.mint.calls != 2 {
		t.Errorf("%d mints", w.mint.calls)
	}
	u, err := l.Find(t.Context(), "u-mx")
	if err != nil || u.User.Status != pipeline.OptedOut {
		t.Errorf("the user is %s, %v", u.User.Status, err)
	}
}

// A mail later is had only while the partner API is in trouble, and not in review: whoever
// posts there without having been offered one gets the page with the button, which opens
// the verification and not the wish again.
func TestAskingLaterOnARealLedger(t *testing.T) {
	l, token := open(t)
	w := onShelf(t, l)
	defer w.finish(t)
	path := "/k/" + token
	asked := func(want int) {
		t.Helper()
		if all, err := l.Askers(t.Context(), 10, today()); err != nil || len(all) != want {
			t.Errorf("%d ask for a mail, want %d, %v", len(all), want, err)
		}
	}
	if got := w.do(t, "POST", path+"/later", ours(), ""); got.status != http.StatusOK || !strings.Contains(got.body, `<form method="post" action="../`+token+`">`) {
		t.Errorf("while nothing is wrong: %d\n%s", got.status, got.body)
	}
	asked(0)
	if got := w.do(t, "GET", path+"/later", chrome(), ""); got.status != http.StatusSeeOther || got.header.Get("Location") != "../"+token || got.body != "" {
		t.Errorf("GET: %d %v\n%s", got.status, got.header, got.body)
	}

	w.mint.fault = &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.http_503"}
	offer := `action="` + token + `/later"`
	if got := w.do(t, "POST", path, ours(), ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, offer) {
		t.Errorf("while it is down: %d\n%s", got.status, got.body)
	}
	if got := w.do(t, "POST", path+"/later", ours(), ""); got.status != http.StatusOK || !strings.Contains(got.body, "te avisamos por correo") {
		t.Errorf("asking: %d\n%s", got.status, got.body)
	}
	asked(1)
	if err := l.DropAsker(t.Context(), "u-mx"); err != nil {
		t.Fatal(err)
	}
	if err := l.Mark(t.Context(), "u-mx", pipeline.InReview, nil, store.Act{Actor: "olga", Reason: "test"}, today()); err != nil {
		t.Fatal(err)
	}
	if got := w.do(t, "POST", path, ours(), ""); got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "/later") || strings.Contains(got.body, "te escribimos") {
		t.Errorf("in review: %d\n%s", got.status, got.body)
	}
	if got := w.do(t, "POST", path+"/later", ours(), ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `<form method="post" action="../`+token+`">`) {
		t.Errorf("asking in review: %d\n%s", got.status, got.body)
	}
	asked(0)
}
