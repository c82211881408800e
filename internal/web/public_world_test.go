package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/pipeline"
)

// today is a Tuesday, 14:30 in Mexico City and 16:30 in Santo Domingo.
func today() time.Time { return time.Date(2026, 11, 24, 20, 30, 0, 0, time.UTC) }

// tokenOf returns the token whose bytes are all b.
func tokenOf(b byte) string {
	return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, pipeline.TicketBytes))
}

const kycLink = "https://kyc.example/session?id=s3cr3t&x='1'"

// book is a ledger in memory, of which everything is counted.
type book struct {
	mu      sync.Mutex
	tickets map[pipeline.TicketDigest]pipeline.Ticket
	minting bool
	session pipeline.Link
	visits  map[pipeline.VisitKind]int
	asked   int
	optOuts int
	fault   error // of every call
}

func (b *book) Ticket(_ context.Context, d pipeline.TicketDigest) (pipeline.Ticket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tickets[d]
	if !ok && b.fault == nil {
		return t, ErrUnknownTicket
	}
	return t, b.fault
}

func (b *book) OptOut(_ context.Context, d pipeline.TicketDigest, _ time.Time) (pipeline.Ticket, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tickets[d]
	if !ok || b.fault != nil {
		return t, false, errors.Join(b.fault, ErrUnknownTicket)
	}
	if t.User.Status != pipeline.Pending && t.User.Status != pipeline.InReview {
		return t, false, nil
	}
	t.User.Status, t.Dead = pipeline.OptedOut, true
	b.tickets[d] = t
	b.optOuts++
	return t, true, nil
}

func (b *book) AskLater(context.Context, pipeline.TicketDigest, time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return b.fault
}

func (b *book) CountVisits(_ context.Context, visits []pipeline.Visit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range visits {
		b.visits[v.Kind] += v.N
	}
	return b.fault
}

func (b *book) StartSession(_ context.Context, who pipeline.Holder, _ pipeline.SessionRules, _ time.Time) (pipeline.Opening, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tickets[*who.Ticket]
	switch {
	case !ok:
		return pipeline.Opening{}, ErrUnknownTicket
	case !t.Alive():
		return pipeline.Opening{Kind: pipeline.OpenRefuse, User: t.User}, nil
	case b.minting:
		return pipeline.Opening{Kind: pipeline.OpenWait, User: t.User}, nil
	case !b.session.URL.IsZero():
		return pipeline.Opening{Kind: pipeline.OpenReuse, User: t.User, Link: b.session}, nil
	}
	b.minting = true
	return pipeline.Opening{Kind: pipeline.OpenMint, User: t.User, Session: 1}, nil
}

func (b *book) FinishSession(_ context.Context, _ int64, l pipeline.Link) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.minting, b.session = false, l
	return nil
}

func (b *book) GiveUpSession(context.Context, int64, bool, time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.minting = false
	return nil
}

// put makes a ticket with the token of the byte.
func (b *book) put(token byte, t pipeline.Ticket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.LinkID = int64(token)
	b.tickets[pipeline.DigestTicket(tokenOf(token))] = t
}

// mint is a partner API that counts its mints.
type mint struct {
	mu    sync.Mutex
	calls int
	fault error
	enter func() // called in each mint, if there is one
}

func (m *mint) Issue(context.Context, pipeline.User) (pipeline.Secret, error) {
	m.mu.Lock()
	m.calls++
	fault, enter := m.fault, m.enter
	m.mu.Unlock()
	if enter != nil {
		enter()
	}
	if fault != nil {
		return pipeline.Secret{}, fault
	}
	return pipeline.NewSecret(kycLink), nil
}

// speech greets by whatever name there is, so that escaping is put to the test.
type speech struct{ formal bool }

func (s speech) Formal(pipeline.Locale) bool   { return s.formal }
func (speech) GreetingName(name string) string { return name }
func (speech) SpellOut(_ pipeline.Locale, t time.Time) string {
	return t.Format("2006-01-02 a las 15:04 (MST)")
}

func publicBrands() map[pipeline.Country]Brand {
	return map[pipeline.Country]Brand{
		pipeline.MX: {
			Name: "Acme", URL: "https://acme.example", SupportEmail: "ayuda@acme.example", LegalName: "Acme Pagos, S.A. de C.V.",
			Address: "Av. Reforma 1, Ciudad de México", PrivacyURL: "https://acme.example/mx/privacidad",
		},
		pipeline.DO: {
			Name: "Acme", URL: "https://acme.example", SupportEmail: "ayuda@acme.example", LegalName: "Acme Dominicana, S.R.L.",
			Address: "Av. Winston Churchill 1, Santo Domingo", PrivacyURL: "https://acme.example/do/privacidad",
		},
	}
}

func mexican() pipeline.User {
	return pipeline.User{
		ID: "u-mx", Email: "ana@mail.example", Name: "Ana Sofía Núñez", Country: pipeline.MX, Locale: pipeline.ESMX,
		TimeZone: "America/Mexico_City", Type: pipeline.Individual, Status: pipeline.Pending,
	}
}

func dominican() pipeline.User {
	u := mexican()
	u.ID, u.Name, u.Country, u.Locale, u.TimeZone = "u-do", "Colmado Núñez, S.R.L.", pipeline.DO, pipeline.ESDO, "America/Santo_Domingo"
	u.Type = pipeline.Business
	return u
}

// world is the public side on a real listener, with all that it works on.
type world struct {
	*httptest.Server
	book   *book
	mint   *mint
	visits *Visits
	public *public
	log    *bytes.Buffer
}

func newWorld(t *testing.T, change ...func(*PublicOptions)) *world {
	t.Helper()
	b := &book{tickets: map[pipeline.TicketDigest]pipeline.Ticket{}, visits: map[pipeline.VisitKind]int{}}
	w := &world{book: b, mint: &mint{}, log: &bytes.Buffer{}}
	b.put(1, pipeline.Ticket{User: mexican()})
	w.visits = NewVisits(b, quiet())
	o := PublicOptions{
		BaseURL: "https://kyc.partner.example", Brands: publicBrands(), Speech: speech{}, Tickets: b, OptOuts: b, Askers: b, Visits: w.visits,
		Opener: pipeline.Counter{Ledger: b, Issuer: w.mint, Rules: pipeline.SessionRules{TTL: time.Hour}, Now: today},
		Now:    today, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if w.public, err = newPublic(o); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(w.public)
	t.Cleanup(w.Server.Close)
	return w
}

// counted closes the counter and returns what it counted.
func (w *world) counted(t *testing.T) map[pipeline.VisitKind]int {
	t.Helper()
	if err := w.visits.Close(); err != nil {
		t.Fatal(err)
	}
	w.visits = nil
	return w.book.visits
}

// finish ends the goroutine of a world whose visits nobody asked for.
func (w *world) finish(t *testing.T) {
	t.Helper()
	if w.visits != nil {
		w.counted(t)
	}
}

// chrome is the header of a click in a mail, as Chromium sends it.
func chrome() http.Header {
	h := http.Header{}
	h.Set("User-Agent", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-Site", "cross-site")
	h.Set("Accept-Language", "en-US")
	return h
}

// ours is the header of a form's post from one of the pages.
func ours() http.Header {
	h := chrome()
	h.Set("Sec-Fetch-Site", "same-origin")
	h.Set("Origin", "null") // as Referrer-Policy: no-referrer has it
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	return h
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes one request and follows no redirect.
func (w *world) do(t *testing.T, method, path string, h http.Header, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = h.Clone()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}
