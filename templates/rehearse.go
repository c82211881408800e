package templates

import (
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
)

// faults collects errors and keeps each message once: a mistake in a shared
// file shows in every mail.
type faults struct {
	errs []error
	seen map[string]bool
}

func (f *faults) add(err error) { f.addFor("", err) }

// addFor keeps the error with what it happened to.
func (f *faults) addFor(what string, err error) {
	if err == nil || f.seen[err.Error()] {
		return
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[err.Error()] = true
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	f.errs = append(f.errs, err)
}

// sampleLink holds every character that a URL may and that a template could
// spoil.
const sampleLink = "https://verify.example/s?_al=TOKEN==&r=a%2Fb+c;d='e'(f)*~!$,@[:]#g&amp;lt"

// sampleLasting is a lasting link, at a base whose path holds all that a path may.
const sampleLasting = "https://kyc.example/a%2Fb+c;d='e'(f)*~!$,@[:]&amp;lt/k/AAECAwQFBgcICQoLDA0ODw"

// rehearsal is one sample mail.
type rehearsal struct {
	delivery *pipeline.Delivery
	bare     bool // at a brand that has nothing but a name
}

// rehearse renders each mail once for each country, which shows what is wrong with
// a brand, and if a folder overrides some for every kind of user there is, since a
// template names its variables in branches that only some users reach. Mails with a
// lasting link are rehearsed where there are any, and where somebody else wrote the
// templates.
func (s *Set) rehearse(f *faults, o Options) {
	thorough := o.Dir != ""
	for _, locale := range locales() {
		for _, step := range pipeline.Steps() {
			for _, r := range rehearsals(locale, step, thorough) {
				f.addFor(fmt.Sprintf("render %s %s", locale, step), s.try(r))
				if !thorough && !o.Lasting {
					continue
				}
				last(r.delivery)
				f.addFor(fmt.Sprintf("render %s %s", locale, step), s.try(r))
				if o.Lasting {
					f.addFor(fmt.Sprintf("render %s %s", locale, step), s.tryDateless(r))
				}
			}
		}
	}
}

func (s *Set) try(r rehearsal) error {
	v, err := s.rehearsed(r)
	if err == nil {
		_, err = s.mails[key{r.delivery.User.Locale, r.delivery.Step}].write(v)
	}
	return err
}

// tryDateless finds what shows .ValidUntil to the reader of a mail with a lasting link,
// which has none: a sentence with a hole. What is written with a date and without one
// differs by the date alone there; where a template asks first, by the sentence.
func (s *Set) tryDateless(r rehearsal) error {
	v, err := s.rehearsed(r)
	if err != nil {
		return err
	}
	m := s.mails[key{r.delivery.User.Locale, r.delivery.Step}]
	without, err := m.execute(v)
	if err != nil {
		return nil // try has said so
	}
	const date = "q7Until7q"
	v.ValidUntil = date
	with, err := m.execute(v)
	if err != nil {
		return err
	}
	for _, part := range []struct{ name, without, with string }{
		{m.subject.Name(), without.subject, with.subject}, {m.text.Name(), without.text, with.text}, {m.html.Name(), without.page, with.page},
	} {
		if part.with != part.without && strings.ReplaceAll(part.with, date, "") == part.without {
			return fmt.Errorf("%s: {{.ValidUntil}} is empty, since the link of these mails never expires; "+
				"write {{if .Lasting}}…{{else}}…{{.ValidUntil}}…{{end}}", part.name)
		}
	}
	return nil
}

func (s *Set) rehearsed(r rehearsal) (*Variables, error) {
	brand := s.brands[r.delivery.User.Country]
	if r.bare {
		brand = Brand{Name: brand.Name}
	}
	return newVariables(r.delivery, brand, s.languages[r.delivery.User.Locale])
}

// rehearsals returns mails to a usual user of each country, and if they are to be
// thorough to each kind of user: one as they come, one whose name attacks the
// templates, and one who has no name.
func rehearsals(l pipeline.Locale, s pipeline.Step, thorough bool) []rehearsal {
	var all []rehearsal
	for _, country := range countries() {
		if !thorough {
			all = append(all, rehearsal{delivery: sampleDelivery(l, s, country, pipeline.Individual, 1, "María Fernanda Núñez")})
			continue
		}
		for _, kind := range []pipeline.UserType{pipeline.Individual, pipeline.Business} {
			all = append(all,
				rehearsal{delivery: sampleDelivery(l, s, country, kind, 1, `"><script>alert('x') & {{.Link}}`)},
				rehearsal{delivery: sampleDelivery(l, s, country, kind, 1, ""), bare: true})
			for _, round := range []int{1, 2, 3, 4} {
				all = append(all, rehearsal{delivery: sampleDelivery(l, s, country, kind, round, "María Fernanda Núñez")})
			}
		}
	}
	return all
}

func sampleDelivery(
	l pipeline.Locale, s pipeline.Step, c pipeline.Country, kind pipeline.UserType, round int, name string,
) *pipeline.Delivery {
	issued := time.Date(2026, time.November, 23, 20, 30, 0, 0, time.UTC)
	return &pipeline.Delivery{
		User: pipeline.User{
			ID: "00000000-0000-4000-8000-000000000000", Email: "sample@example.com", Name: name,
			Country: c, Locale: l, TimeZone: pipeline.DefaultTimeZone(c), Type: kind, Status: pipeline.Pending,
		},
		Step: s, Round: round, Attempt: 1,
		Link: pipeline.Link{URL: pipeline.NewSecret(sampleLink), IssuedAt: issued, ExpiresAt: issued.Add(24 * time.Hour)},
	}
}

// last turns the delivery's link into one that never expires.
func last(d *pipeline.Delivery) {
	digest := pipeline.DigestTicket(sampleLasting[strings.LastIndexByte(sampleLasting, '/')+1:])
	d.Link = pipeline.Link{URL: pipeline.NewSecret(sampleLasting), Ticket: &digest, IssuedAt: d.Link.IssuedAt}
}
