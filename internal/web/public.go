package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
)

// ErrUnknownTicket is what a token leads to that the ledger does not know, or no
// longer: it was never made, or the user was erased.
var ErrUnknownTicket = errors.New("unknown ticket")

// ErrNoTrouble is what comes of the wish for a mail once the partner API is back,
// where that is not known to be in trouble.
var ErrNoTrouble = errors.New("the partner API is not known to be in trouble")

// Tickets finds what a token leads to.
type Tickets interface {
	// Ticket's error wraps [ErrUnknownTicket] where there is none.
	Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error)
}

// Opener opens verification sessions; a [pipeline.Counter] is one.
type Opener interface {
	// Open returns a link for whoever holds the ticket, and whether it was minted for
	// this call. Its error is a [pipeline.Fault], wraps [ErrUnknownTicket], or is
	// alta's own.
	Open(ctx context.Context, who pipeline.Holder) (l pipeline.Link, minted bool, err error)
}

// OptOuts notes that users want no more mail.
type OptOuts interface {
	// OptOut is idempotent; changed is false for a user who had opted out or is done.
	// Its error wraps [ErrUnknownTicket] where there is no ticket.
	OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error)
}

// Askers notes who wants a mail once the partner API is back.
type Askers interface {
	// AskLater is idempotent. Its error wraps [ErrUnknownTicket] where there is no
	// ticket, and [ErrNoTrouble] where the user may as well try now; it is a
	// [pipeline.Cancel] for a user whom no mail may follow.
	AskLater(ctx context.Context, digest pipeline.TicketDigest, now time.Time) error
}

// Speech is how users are spoken to, which is as their mails do it.
type Speech interface {
	Formal(pipeline.Locale) bool
	GreetingName(name string) string // "" for one that is not greeted
	SpellOut(pipeline.Locale, time.Time) string
}

// PublicOptions is what the public side is made of.
type PublicOptions struct {
	// BaseURL is the address under which the world reaches it, without a slash at its
	// end. Requests may come with its path or, from a proxy that strips it, without.
	BaseURL string
	Brands  map[pipeline.Country]Brand
	Speech  Speech
	Tickets Tickets
	Opener  Opener
	OptOuts OptOuts
	Askers  Askers
	Visits  *Visits
	// Hook takes the partner's webhooks, POST alone; nil is no such route.
	Hook http.Handler
	// MostOpens bounds the sessions that are opened at one time; who comes on top is
	// asked to try again. 0 is 128.
	MostOpens int
	// Patience is the longest wait for a session that somebody else opens for the
	// same user; 0 is 20 seconds. It ends no mint.
	Patience time.Duration
	Now      pipeline.Clock
	Log      *slog.Logger
}

const (
	mostOpens = 128
	patience  = 20 * time.Second
	// mostBody bounds the body of a form, in bytes. None holds more than a word.
	mostBody = 4 << 10
)

// public is the public side.
type public struct {
	PublicOptions
	prefix  string // the path of BaseURL
	routes  map[place]route
	pages   *pages
	headers http.Header
	origins *http.CrossOriginProtection
	slots   chan struct{} // one for each session that is being opened
}

// route is what one place answers, by method. Whatever answers GET answers HEAD,
// and changes nothing.
type route map[string]func(w http.ResponseWriter, r *http.Request, token string)

// Public serves what users and the partner reach: the page that a mail leads to,
// opting out, and the webhook. Its error is about the options.
func Public(o PublicOptions) (http.Handler, error) { return newPublic(o) }

func newPublic(o PublicOptions) (*public, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("serve the public pages: the base URL is not an absolute http or https URL")
	}
	if o.MostOpens == 0 {
		o.MostOpens = mostOpens
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	pages, err := newPages(o.Brands, o.Speech, o.Log)
	if err != nil {
		return nil, fmt.Errorf("serve the public pages: %w", err)
	}
	s := &public{
		PublicOptions: o, prefix: strings.TrimSuffix(base.Path, "/"), pages: pages,
		headers: publicHeaders(base.Scheme == "https", pages.styleHash),
		origins: http.NewCrossOriginProtection(), slots: make(chan struct{}, o.MostOpens),
	}
	// A proxy may change the Host header that an origin is compared with.
	if err := s.origins.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("serve the public pages: %w", err)
	}
	s.routes = map[place]route{
		landing: {http.MethodGet: s.look, http.MethodPost: s.own(s.press)},
		later:   {http.MethodGet: s.back, http.MethodPost: s.own(s.ask)},
		// Mail providers post here in the user's name, from wherever they are.
		leaving: {http.MethodGet: s.askLeave, http.MethodPost: s.leave},
		robots:  {http.MethodGet: noRobots},
	}
	if o.Hook != nil {
		s.routes[hook] = route{http.MethodPost: func(w http.ResponseWriter, r *http.Request, _ string) { o.Hook.ServeHTTP(w, r) }}
	}
	return s, nil
}

// ServeHTTP implements [http.Handler]. It does without [http.ServeMux], which
// answers some paths by sending the client elsewhere.
func (s *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), s.headers)
	where, token := locate(strings.TrimPrefix(r.URL.Path, s.prefix))
	if where == nowhere {
		where, token = locate(r.URL.Path) // a base address may end as the path begins: https://partner.example/k
	}
	answers, ok := s.routes[where]
	if !ok {
		plain(w, http.StatusNotFound, "Esta página no existe.")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	answer, ok := answers[method]
	if !ok {
		w.Header().Set("Allow", answers.allow())
		plain(w, http.StatusMethodNotAllowed, "Esta página no admite este método.")
		return
	}
	answer(w, r, token)
}

// allow lists the methods of a route, as the header of RFC 9110, section 10.2.1.
func (r route) allow() string {
	methods := slices.Sorted(maps.Keys(r))
	if r[http.MethodGet] != nil {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(methods, ", ")
}

// own lets through what comes from one of the pages themselves. A token is all
// that anybody needs, and there are no cookies, so this is one bar more and not
// the lock.
func (s *public) own(next func(http.ResponseWriter, *http.Request, string)) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, token string) {
		if err := s.origins.Check(r); err != nil && !originHidden(r.Header) {
			s.pages.show(w, stranger(http.StatusForbidden, pageForeign))
			return
		}
		next(w, r, token)
	}
}

// originHidden tells whether a browser that is too old for Sec-Fetch-Site, Safari
// before 16.4, says null for its origin. It does so on these very pages because
// their Referrer-Policy is no-referrer (Fetch, "append a request Origin header").
func originHidden(h http.Header) bool {
	return h.Get("Sec-Fetch-Site") == "" && h.Get("Origin") == "null"
}

func noRobots(w http.ResponseWriter, _ *http.Request, _ string) {
	plain(w, http.StatusOK, "User-agent: *\nDisallow: /")
}
