package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"alta/pipeline"
)

// ProviderOptions describe a verification provider. API and Now are required.
type ProviderOptions struct {
	// Addr is where to listen; "" is a free port of 127.0.0.1.
	Addr string

	// API opens the sessions and fires the webhooks.
	API *API

	// TTL is how long after its mint a session can be gone through; 0 is for ever.
	TTL time.Duration

	Now pipeline.Clock

	// OnEvent, if set, is called after each webhook.
	OnEvent func(event string, u APIUser)
}

// Provider is the verification provider to whose pages links lead: instead of a
// camera it has buttons, each of which has the outcome that it names.
type Provider struct {
	*site
	opts  ProviderOptions
	pages pages

	mu   sync.Mutex
	ends map[string]*ending // by link; of sessions in which a button was pressed
}

// ending is what became of a session.
type ending struct {
	Outcome outcome
	Webhook string // what came of the webhook, in words
}

// outcome is what a button of the provider's page does.
type outcome struct {
	Name   string // of the button
	Event  string // that the webhook tells
	Result string // that kyc/details tells
	Last   bool   // the session is over
}

func outcomes() map[string]outcome {
	return map[string]outcome{
		"verify": {"verify", "VERIFIED_USER", "VERIFIED", true},
		"reject": {"reject", "REJECTED_KYC", "REJECTED", true},
		"upload": {"upload", "CREATED_KYC", "UNDER_REVIEW", false},
	}
}

// StartProvider serves until [Provider.Close]. The links that the API mints from
// then on lead here.
func StartProvider(opts ProviderOptions) (*Provider, error) {
	if opts.API == nil || opts.Now == nil {
		return nil, errors.New("start the verification provider: ProviderOptions.API or Now is missing")
	}
	pages, err := readPages("session", "done", "over")
	if err != nil {
		return nil, err
	}
	p := &Provider{opts: opts, pages: pages, ends: map[string]*ending{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session", p.look)
	mux.HandleFunc("POST /session", p.press)
	mux.HandleFunc("GET /done", p.done)
	mux.HandleFunc("GET /style.css", showStyle)
	if p.site, err = openSite(opts.Addr, mux); err != nil {
		return nil, fmt.Errorf("start the verification provider: %w", err)
	}
	opts.API.LinkTo(p.URL() + "/session")
	return p, nil
}

// providerPage is what a page of the provider shows.
type providerPage struct {
	Mint   Mint
	User   APIUser
	Ending *ending // nil before a button was pressed
}

// find returns the session that the query of a request names, or answers that
// there is none.
func (p *Provider) find(w http.ResponseWriter, r *http.Request) (link string, page providerPage, ok bool) {
	link = p.URL() + "/session?" + r.URL.RawQuery
	mint, user, ok := p.opts.API.Session(link)
	if !ok {
		p.pages.show(w, http.StatusNotFound, "over", "No session has this address.")
		return "", page, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	page = providerPage{Mint: mint, User: user}
	if end := p.ends[link]; end != nil {
		now := *end
		page.Ending = &now
	}
	over := page.Ending != nil && page.Ending.Outcome.Last
	if !over && p.opts.TTL > 0 && p.opts.Now().Sub(mint.At) >= p.opts.TTL {
		p.pages.show(w, http.StatusGone, "over", "This session has expired. The button in the mail opens a new one.")
		return "", page, false
	}
	return link, page, true
}

func (p *Provider) look(w http.ResponseWriter, r *http.Request) {
	_, page, ok := p.find(w, r)
	switch {
	case !ok:
	case page.Ending != nil && page.Ending.Outcome.Last:
		p.pages.show(w, http.StatusGone, "over", "This session is over: each one is for a single verification.")
	default:
		p.pages.show(w, http.StatusOK, "session", page)
	}
}

// press does what the button says: first the webhook, so that whoever comes back
// to the partner's page is already known there.
func (p *Provider) press(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	choice, known := outcomes()[r.PostFormValue("outcome")]
	if !known {
		http.Error(w, "This button does not exist.", http.StatusBadRequest)
		return
	}
	link, page, ok := p.find(w, r)
	if !ok {
		return
	}
	if p.choose(link, choice) {
		p.opts.API.SetVerification(page.User.ID, choice.Result)
		status, err := p.opts.API.Fire(r.Context(), choice.Event, page.User.ExternalID)
		p.tell(link, status, err)
		if p.opts.OnEvent != nil {
			p.opts.OnEvent(choice.Event, page.User)
		}
	}
	http.Redirect(w, r, "/done?"+r.URL.RawQuery, http.StatusSeeOther)
}

// choose notes the outcome of a session, unless it has the last one already.
func (p *Provider) choose(link string, choice outcome) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end := p.ends[link]; end != nil && end.Outcome.Last {
		return false
	}
	p.ends[link] = &ending{Outcome: choice, Webhook: "is under way"}
	return true
}

// tell notes what came of the webhook.
func (p *Provider) tell(link string, status int, err error) {
	words := fmt.Sprintf("was delivered and answered %d", status)
	if err != nil {
		words = "was not delivered: " + err.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[link].Webhook = words
}

func (p *Provider) done(w http.ResponseWriter, r *http.Request) {
	_, page, ok := p.find(w, r)
	switch {
	case !ok:
	case page.Ending == nil:
		http.Redirect(w, r, "/session?"+r.URL.RawQuery, http.StatusSeeOther)
	default:
		p.pages.show(w, http.StatusOK, "done", page)
	}
}
