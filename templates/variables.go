package templates

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	htmltemplate "html/template"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	cldr "github.com/go-playground/locales"

	"alta/pipeline"
)

// Variables is what a template may name. It is a struct, so that a misspelt
// name is an error when the templates are loaded.
type Variables struct {
	Brand      Brand
	Country    pipeline.Country // whose documents and law apply
	Locale     pipeline.Locale  // whose Spanish is written
	Round      int              // 1 for the first mail of this step that the user gets
	Business   bool             // a company, verified by KYB
	Name       string           // fit for a greeting; may be empty
	Lasting    bool             // the link never expires
	Link       string           // verbatim, for text; Href is for attributes
	ValidUntil string           // in words, in the user's own time zone; empty for a lasting link
	OptOut     string           // where the user opts out, for text; OptOutHref is for attributes; empty where a mail offers none
	voice      voice
}

func newVariables(d *pipeline.Delivery, b Brand, l language) (*Variables, error) {
	link, lasting := d.Link.URL.Reveal(), d.Link.Lasts()
	if err := checkLink(link); err != nil {
		return nil, err
	}
	until := ""
	switch {
	case lasting:
	case d.Link.ExpiresAt.IsZero():
		return nil, errors.New("the link has no expiry")
	default:
		until = spellOut(l.calendar, d.Link.ExpiresAt.In(d.User.Location()))
	}
	return &Variables{
		Brand: b, Country: d.User.Country, Locale: d.User.Locale, Round: cmp.Or(d.Nth, d.Round),
		Business: d.User.Type == pipeline.Business, Name: greetingName(d.User.Name),
		Lasting: lasting, Link: link, ValidUntil: until, OptOut: d.Unsubscribe().Reveal(), voice: l.voice,
	}, nil
}

// Say picks the words for the locale's voice: the first for tú, the second for
// usted.
func (v *Variables) Say(tu, usted string) string {
	if v.voice == formal {
		return usted
	}
	return tu
}

// Href is the whole attribute href="…" with the link. Written as
// href="{{.Link}}", html/template would normalize the URL (' becomes %27, for
// one) and the link would no longer be the one that was issued; there is no
// type that turns this off. Inside double quotes html.EscapeString is all that
// HTML needs, and checkLink has made sure that it is an https URL.
func (v *Variables) Href() htmltemplate.HTMLAttr { return href(v.Link) }

// OptOutHref is the same with the address at which the user opts out, which is the
// lasting link but for its path.
func (v *Variables) OptOutHref() htmltemplate.HTMLAttr { return href(v.OptOut) }

func href(url string) htmltemplate.HTMLAttr {
	return htmltemplate.HTMLAttr(`href="` + html.EscapeString(url) + `"`)
}

// Initial is the first letter or digit of the brand's name in upper case, a
// monogram that needs no image.
func (b Brand) Initial() string {
	for _, r := range b.Name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}

// checkLink accepts an absolute https URL of printable ASCII, as RFC 3986,
// section 2, has it. One that leads to this very machine may be http: a lasting link
// of the demo, or one of the sandbox's. The errors hold nothing of the link.
func checkLink(link string) error {
	if link == "" {
		return errors.New("the delivery has no link")
	}
	if strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the link holds a character that is not printable ASCII")
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || u.Host == "" {
		return errors.New("the link is not an https URL")
	}
	return nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// language is how one locale's mails are written.
type language struct {
	voice    voice
	calendar cldr.Translator
}

// voice is how a locale's mails address the reader.
type voice string

const (
	informal voice = "tú"
	formal   voice = "usted"
)

func parseVoice(f file) (voice, error) {
	switch v := voice(strings.TrimSpace(f.text)); v {
	case informal, formal:
		return v, nil
	default:
		return "", fmt.Errorf("%s: it must hold one word, %s or %s", f.origin, informal, formal)
	}
}
