package web

import (
	"html/template"
	"slices"
	"unicode"

	"alta/pipeline"
)

// words is what the templates may name.
type words struct {
	Brand    Brand
	Supports []string         // where users find help; more than one only for nobody knows whom
	Country  pipeline.Country // whose documents and law apply
	Lang     string           // BCP 47
	Business bool             // a company, verified by KYB
	Name     string           // fit for a greeting; may be empty
	When     string           // when the user may try again, in words
	Token    string
	Below    bool // the page stands at /k/TOKEN/later
	Style    template.HTML
	noMail   bool // the user gets none, so that none is offered
	kind     pageKind
	locale   pipeline.Locale
	formal   bool
}

func (p *pages) words(v visible) *words {
	u := v.user
	if u.Country == "" {
		return p.strangersWords(v.kind)
	}
	locale := u.Locale
	if p.templates[locale] == nil {
		locale = pipeline.DefaultLocale(u.Country)
	}
	w := &words{
		Brand: p.brands[u.Country], Country: u.Country, Lang: string(locale), Business: u.Type == pipeline.Business,
		Name: p.speech.GreetingName(u.Name), Token: v.token, Below: v.below, Style: p.style, noMail: v.noMail || u.Status == pipeline.InReview, kind: v.kind, locale: locale, formal: p.speech.Formal(locale),
	}
	if w.Brand.SupportEmail != "" {
		w.Supports = []string{w.Brand.SupportEmail}
	}
	if !v.when.IsZero() {
		w.When = p.speech.SpellOut(locale, v.when.In(u.Location()))
	}
	return w
}

// strangersWords are for whoever came with a token that leads nowhere: of the
// brands only what they have in common, the help of each, and usted where one
// locale says so. What such a page says is the same in both files of words, and
// Spanish of neither country.
func (p *pages) strangersWords(kind pageKind) *words {
	w := &words{Lang: "es", Style: p.style, kind: kind, locale: pipeline.ESMX}
	first, second := p.brands[pipeline.MX], p.brands[pipeline.DO]
	w.Brand = Brand{
		Name: shared(first.Name, second.Name), URL: shared(first.URL, second.URL),
		LegalName: shared(first.LegalName, second.LegalName), Address: shared(first.Address, second.Address),
	}
	for _, b := range []Brand{first, second} {
		if b.SupportEmail != "" && !slices.Contains(w.Supports, b.SupportEmail) {
			w.Supports = append(w.Supports, b.SupportEmail)
		}
	}
	w.formal = p.speech.Formal(pipeline.ESMX) || p.speech.Formal(pipeline.ESDO)
	return w
}

func shared(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

// Say picks the words for the locale's voice: the first for tú, the second for
// usted.
func (w *words) Say(tu, usted string) string {
	if w.formal {
		return usted
	}
	return tu
}

// Greets tells whether the page calls the user by name. Whatever is not for the
// user alone, because the verification is over or nobody knows whose it is, does
// not.
func (w *words) Greets() bool { return w.kind == pageReady || w.kind == pageReview }

// Facts tells whether the page says what to have at hand.
func (w *words) Facts() bool { return w.kind == pageReady }

// Opens tells whether the page holds the button that opens the verification.
func (w *words) Opens() bool {
	return w.kind == pageReady || w.kind == pageReview || w.Again()
}

// Continues tells whether the user began before.
func (w *words) Continues() bool { return w.kind == pageReview }

// Again tells whether the button was pressed in vain.
func (w *words) Again() bool { return w.kind == pageDown || w.kind == pageBusy }

// Asks tells whether the page offers a mail later: to those alone who would get it.
func (w *words) Asks() bool { return w.kind == pageDown && !w.noMail }

// Leaves tells whether the page holds the button that opts out.
func (w *words) Leaves() bool { return w.kind == pageLeave }

// Helps tells whether the page ends with where to find help; the others say so in
// their text.
func (w *words) Helps() bool {
	switch w.kind {
	case pageReady, pageReview, pageVerified, pageSpent, pageDown, pageBusy, pageAsked, pageLeave, pageSettled:
		return true
	}
	return false
}

// HasFooter tells whether there is anything to put into it.
func (w *words) HasFooter() bool {
	b := w.Brand
	return b.LegalName != "" || b.Address != "" || b.URL != "" || b.PrivacyURL != ""
}

// Initial is the first letter or digit of the name in upper case, a monogram that
// needs no image.
func (b Brand) Initial() string {
	for _, r := range b.Name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}
