package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"alta/pipeline"
)

// SignedIn is who looks at a page.
type SignedIn struct {
	Name     string
	Operates bool // may act; otherwise only look
}

// PagesOptions is what the operator's pages need to know.
type PagesOptions struct {
	Zone    *time.Location // in which times are shown: schedule.time_zone
	Version string
	Secure  bool // cookies go over TLS alone
	// Who tells who has signed in, [GuardedBy] for example; nil is nobody.
	Who func(context.Context) (SignedIn, bool)
	Now pipeline.Clock
	Log *slog.Logger
}

// Pages writes the operator's pages: a screen within the layout, in the language
// of whoever looks. It is safe for concurrent use.
type Pages struct {
	options PagesOptions
	assets  *assets
	looks   map[Language]*look
}

// look is how the pages are in one language.
type look struct {
	language Language
	words    *Words
	format   *format
	screens  map[string]parsedScreen
}

// shown is what the layout and a screen within it are given.
type shown struct {
	Title    string
	Section  Section
	Path     string // of this page, with its query, to come back to
	Language Language
	Who      *SignedIn // nil is nobody
	Flash    *Flash
	Zone     string
	Version  string
	Now      time.Time
	View     any // the screen's own
}

// Operates tells whether the forms of acts are to be shown.
func (s shown) Operates() bool { return s.Who != nil && s.Who.Operates }

// NewPages parses every screen in every language and writes each one with its
// samples, so that a mistake stops the program at start and no page at night.
func NewPages(o PagesOptions) (*Pages, error) {
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	p := &Pages{options: o, assets: a, looks: map[Language]*look{}}
	for _, l := range Languages() {
		words := wordsOf(l)
		k := &look{language: l, words: words, format: newFormat(l, words, o.Zone)}
		if k.screens, err = parseScreens(k.functions(a)); err != nil {
			return nil, fmt.Errorf("parse the operator's pages: %w", err)
		}
		p.looks[l] = k
	}
	if err := p.rehearse(); err != nil {
		return nil, fmt.Errorf("write the operator's pages with samples: %w", err)
	}
	return p, nil
}

// GuardedBy tells who has signed in as the guard let them in.
func GuardedBy(ctx context.Context) (SignedIn, bool) {
	who, ok := WhoAsks(ctx)
	return SignedIn{Name: who.Name, Operates: Operators.admits(who)}, ok
}

// Show writes the screen. The view is the screen's own.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request, status int, screen string, view any) {
	p.show(w, r, status, screen, "layout", view)
}

// ShowPart writes one template of the screen alone, for a script that puts it into
// a page that is there already.
func (p *Pages) ShowPart(w http.ResponseWriter, r *http.Request, screen, part string, view any) {
	p.show(w, r, http.StatusOK, screen, part, view)
}

// Words are those of whoever asks.
func (p *Pages) Words(r *http.Request) *Words { return p.lookOf(r).words }

// Assets serves "/assets/" and what is below.
func (p *Pages) Assets() http.Handler { return p.assets }

func (p *Pages) lookOf(r *http.Request) *look { return p.looks[languageOf(r)] }

// show writes to memory first: a page is whole, or it is one about an error.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, screen, part string, view any) {
	k := p.lookOf(r)
	s := p.whatIsShown(r, view)
	if part == "layout" && r.Header.Get("HX-Request") == "" { // a script that looks again must not take it from a person
		s.Flash = p.takeFlash(w, r)
	}
	var page bytes.Buffer
	if err := k.write(&page, screen, part, s); err != nil {
		p.options.Log.Error("a page could not be written", "page", screen, "error", err)
		plain(w, http.StatusInternalServerError, k.words.Errors.Broken.What+" "+k.words.Errors.Broken.Next)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(k.language))
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language, Cookie, HX-Request")
	w.WriteHeader(status)
	// A client that went away is nobody's concern.
	_, _ = page.WriteTo(w)
}

func (p *Pages) whatIsShown(r *http.Request, view any) shown {
	s := shown{
		Path: r.URL.RequestURI(), Language: languageOf(r), Zone: p.options.Zone.String(), Version: p.options.Version,
		Now: p.options.Now(), View: view,
	}
	if p.options.Who != nil {
		if who, ok := p.options.Who(r.Context()); ok {
			s.Who = &who
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.Path = "/" // what answers a form has no address of its own to come back to
	}
	return s
}

// write executes one template of a screen.
func (k *look) write(to *bytes.Buffer, screen, part string, s shown) error {
	found, ok := k.screens[screen]
	if !ok {
		return fmt.Errorf("no screen %q", screen)
	}
	s.Title, s.Section = found.Title(k.words, s.View), found.Section
	return found.template.ExecuteTemplate(to, part, s)
}

// rehearse writes every screen with each of its samples, for an operator, a viewer
// and nobody.
func (p *Pages) rehearse() error {
	var found []error
	for _, screen := range screens() {
		for i, view := range screen.Samples() {
			for _, k := range p.looks {
				for _, who := range []*SignedIn{nil, {Name: "sample"}, {Name: "sample", Operates: true}} {
					s := shown{
						Path: "/", Language: k.language, Who: who, Flash: &Flash{ToneDone, "sample"},
						Zone: p.options.Zone.String(), Now: p.options.Now(), View: view,
					}
					if err := k.write(new(bytes.Buffer), screen.Name, "layout", s); err != nil {
						found = append(found, fmt.Errorf("%s in %s, sample %d: %w", screen.Name, k.language, i, err))
					}
				}
			}
		}
	}
	return errors.Join(found...)
}

// users says how many users there are.
func (k *look) users(n int) string { return k.format.count(n, k.words.Domain.Users) }

// functions are those that templates may call.
func (k *look) functions(a *assets) template.FuncMap {
	f, w := k.format, k.words
	return template.FuncMap{
		"w":      func() *Words { return w },
		"asset":  a.url,
		"navTo":  navTo,
		"number": f.number, "percent": f.percent, "count": f.count, "span": f.span, "size": f.size,
		"moment": f.moment, "day": f.day, "shortDay": f.shortDay, "weekday": f.weekday, "clock": f.clock,
		"utc": f.utc, "utcMoment": f.utcMoment,
		"since":     func(now, t time.Time) string { return f.span(now.Sub(t)) },
		"say":       fmt.Sprintf,
		"status":    func(s pipeline.Status) string { return named(w.Domain.Statuses, string(s)) },
		"step":      func(s pipeline.Step) string { return named(w.Domain.Steps, string(s)) },
		"state":     func(s pipeline.State) string { return named(w.Domain.States, string(s)) },
		"country":   func(c pipeline.Country) string { return named(w.Domain.Countries, string(c)) },
		"userType":  func(t pipeline.UserType) string { return named(w.Domain.Types, string(t)) },
		"trigger":   func(t string) string { return named(w.Domain.Triggers, t) },
		"wait":      func(x Wait) string { return named(w.Forecast.Waits, string(x)) },
		"groupAct":  func(x GroupAct) string { return named(w.Attention.Acts, string(x)) },
		"cause":     func(code any) Cause { return w.Causes.of(fmt.Sprint(code), "") },
		"check":     func(x string) string { return named(w.Mails.Checks, x) },
		"stage":     func(s UserStage) string { return named(w.Users.Stages, string(s)) },
		"action":    func(a string) string { return named(w.Audit.Actions, a) },
		"count64":   func(n int64) string { return f.number(int(n)) },
		"local":     f.local,
		"languages": otherLanguages,
		"stages":    k.stages,
		"besides":   k.besides,
		"sum":       func(x, y int) int { return x + y },
		"chosen":    func(x, y any) bool { return fmt.Sprint(x) == fmt.Sprint(y) },
	}
}

// named looks a word up; one that is not known stands for itself.
func named(words map[string]string, word string) string {
	if known, ok := words[word]; ok {
		return known
	}
	return word
}

// languageChoice is an entry of the switch.
type languageChoice struct {
	Code Language
	Name string
}

func otherLanguages() []languageChoice {
	var all []languageChoice
	for _, l := range Languages() {
		all = append(all, languageChoice{l, wordsOf(l).Language})
	}
	return all
}
