// Package templates writes what a mail says.
//
// A mail is made of three parts: a subject, a plain text and an HTML page. Each
// comes from a template of the user's locale and the delivery's step, set into
// one layout that all mails share. The templates are embedded; a folder may
// override single files. [Load] parses and dry-renders all of them, so that a
// mistake stops the program at start and never a mail at night.
//
// docs/templates.md is the manual for those who write templates.
package templates

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"maps"
	"strings"
	"unicode"

	"alta/pipeline"
)

// MaxBytes bounds the three parts of a mail together. Gmail clips an HTML part
// above 102 KB, and with it the footer that the law asks for.
const MaxBytes = 100 << 10

// Brand is who the mails come from, as one country's customers know it. Only
// Name is required; what is empty leaves no trace in a mail.
type Brand struct {
	Name         string // the trade name, in every subject
	URL          string // the home page
	SupportEmail string // an addr-spec of RFC 5322
	LegalName    string // the company behind the trade name
	Address      string // its postal address
	PrivacyURL   string // the privacy notice
}

// Options says what to load.
type Options struct {
	// Dir is a folder whose files override the embedded ones of the same name;
	// "" overrides none.
	Dir string
	// Brands holds the brand of each country.
	Brands map[pipeline.Country]Brand
	// Lasting says that mails carry links that never expire, so that no template
	// may show a date as if there were one.
	Lasting bool
}

// Set holds every template, ready to render. It is safe for concurrent use.
type Set struct {
	brands    map[pipeline.Country]Brand
	languages map[pipeline.Locale]language
	mails     map[key]*mail
}

// key names the templates of one mail.
type key struct {
	locale pipeline.Locale
	step   pipeline.Step
}

// Load parses every template and renders each one with sample users: with all
// kinds of them where a folder overrides some, since the built-in ones alone went
// through that before they were released. Its error joins all that is wrong, each with file and line where there is one.
func Load(o Options) (*Set, error) {
	files, err := readFiles(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	s := &Set{brands: maps.Clone(o.Brands), languages: map[pipeline.Locale]language{}, mails: map[key]*mail{}}
	var found faults
	calendars := calendars()
	for _, country := range countries() {
		if strings.TrimSpace(s.brands[country].Name) == "" {
			found.add(fmt.Errorf("the brand of country %s has no name", country))
		}
	}
	for _, locale := range locales() {
		v, err := parseVoice(files[voiceFile(locale)])
		found.add(err)
		s.languages[locale] = language{voice: v, calendar: calendars[locale]}
		for _, step := range pipeline.Steps() {
			m, err := parseMail(files, locale, step)
			found.add(err)
			s.mails[key{locale, step}] = m
		}
	}
	if len(found.errs) == 0 {
		s.rehearse(&found, o)
	}
	if err := errors.Join(found.errs...); err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	return s, nil
}

// Render writes the mail of a delivery that has its link. It is deterministic,
// and its error never holds the link.
func (s *Set) Render(d *pipeline.Delivery) (pipeline.Content, error) {
	m, ok := s.mails[key{d.User.Locale, d.Step}]
	if !ok {
		return pipeline.Content{}, fmt.Errorf("no template for locale %q and step %q", d.User.Locale, d.Step)
	}
	brand, ok := s.brands[d.User.Country]
	if !ok {
		return pipeline.Content{}, fmt.Errorf("no brand for country %q", d.User.Country)
	}
	v, err := newVariables(d, brand, s.languages[d.User.Locale])
	if err != nil {
		return pipeline.Content{}, fmt.Errorf("render %s %s: %w", d.User.Locale, d.Step, err)
	}
	content, err := m.render(v)
	if err != nil {
		return pipeline.Content{}, fmt.Errorf("render %s %s: %w", d.User.Locale, d.Step, err)
	}
	return content, nil
}

// render joins the mail of a variant that is resolved and executes the templates for all
// other mails. Both give the same.
func (m *mail) render(v *Variables) (pipeline.Content, error) {
	if r := m.variant(v); r != nil {
		if c, ok := m.fill(r, v); ok {
			return c, nil
		}
	}
	return m.write(v)
}

// write executes the three templates and checks what every mail must hold.
func (m *mail) write(v *Variables) (pipeline.Content, error) {
	raw, err := m.execute(v)
	if err != nil {
		return pipeline.Content{}, err
	}
	c := pipeline.Content{
		Subject: oneLine(raw.subject), Text: plainText(raw.text), HTML: strings.TrimSpace(raw.page) + "\n",
	}
	return c, errors.Join(m.checkSubject(c.Subject, v), m.checkText(c.Text, v), m.checkHTML(c.HTML, v), checkSize(c))
}

// written is what the templates wrote, before it is tidied.
type written struct{ subject, text, page string }

func (m *mail) execute(v *Variables) (written, error) {
	var subject, text, page bytes.Buffer
	err := errors.Join(m.subject.Execute(&subject, v), m.text.Execute(&text, v), m.html.Execute(&page, v))
	return written{subject.String(), text.String(), page.String()}, err
}

// oneLine folds all space: a line break in a subject could smuggle in a header.
func oneLine(subject string) string { return strings.Join(strings.Fields(subject), " ") }

func (m *mail) checkSubject(subject string, v *Variables) error {
	switch {
	case subject == "":
		return fmt.Errorf("%s: the subject is empty", m.subject.Name())
	case strings.ContainsFunc(subject, unicode.IsControl):
		return fmt.Errorf("%s: the subject holds a control character", m.subject.Name())
	case strings.Contains(subject, v.Link) || v.OptOut != "" && strings.Contains(subject, v.OptOut):
		// Mail servers log subjects, and a link is a secret.
		return fmt.Errorf("%s: the subject must not hold the link", m.subject.Name())
	}
	return nil
}

func (m *mail) checkText(text string, v *Variables) error {
	if !strings.Contains("\n"+text, "\n"+v.Link+"\n") {
		return fmt.Errorf("%s: the text must hold {{.Link}} on a line of its own", m.text.Name())
	}
	return nil
}

// refused is what html/template writes where it refuses a value.
const refused = "ZgotmplZ"

func (m *mail) checkHTML(page string, v *Variables) error {
	switch {
	case strings.Contains(page, refused):
		return fmt.Errorf("%s: an unsafe value stands in a URL, a style or a tag", m.html.Name())
	case !strings.Contains(page, string(v.Href())):
		return fmt.Errorf("%s: the page must hold a button <a {{.Href}}>", m.html.Name())
	case strings.Count(html.UnescapeString(page), v.Link) < strings.Count(page, string(v.Href()))+1:
		return fmt.Errorf("%s: the page must hold {{.Link}} in clear", m.html.Name())
	}
	return nil
}

func checkSize(c pipeline.Content) error {
	if n := len(c.Subject) + len(c.Text) + len(c.HTML); n > MaxBytes {
		return fmt.Errorf("the mail has %d bytes; the limit is %d", n, MaxBytes)
	}
	return nil
}
