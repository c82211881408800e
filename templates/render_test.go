package templates

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"alta/pipeline"
)

// Set is what the pipeline's Render stage asks for.
var _ pipeline.Renderer = (*Set)(nil)

// Every mail is what a reader and a mail program can take: a short subject of
// one line, short lines, no trace of a missing value, and small.
func TestEveryMail(t *testing.T) {
	for _, dir := range []string{"", formalDir(t)} {
		s := load(t, dir)
		for _, d := range everyDelivery() {
			c := render(t, s, d)
			name := fmt.Sprintf("%s %s %s %d", d.User.Locale, d.Step, d.User.Type, d.Round)
			if n := utf8.RuneCountInString(c.Subject); n > 60 {
				t.Errorf("%s: the subject has %d characters: %s", name, n, c.Subject)
			}
			if !strings.Contains(c.Subject, "Nómada Pay") {
				t.Errorf("%s: the subject does not name the brand: %s", name, c.Subject)
			}
			for line := range strings.Lines(c.Text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > maxLine {
					t.Errorf("%s: a line of %d characters: %s", name, n, line)
				}
			}
			for _, trace := range []string{"<no value>", "&lt;no value&gt;", "<nil>", "{{", "}}", "%!", " ,", " .", "  :"} {
				for part, text := range map[string]string{"subject": c.Subject, "text": c.Text} {
					if strings.Contains(text, trace) {
						t.Errorf("%s: the %s holds %q", name, part, trace)
					}
				}
			}
			if strings.Contains(c.HTML, "no value") || strings.Contains(c.HTML, "{{") {
				t.Errorf("%s: the page holds an unfilled place", name)
			}
			if len(c.HTML) > 15<<10 {
				t.Errorf("%s: the page has %d bytes", name, len(c.HTML))
			}
			until := "noviembre de 2026"
			if d.Link.Lasts() {
				until = "No vence"
				for _, word := range []string{until, "hasta el", "2026", "solo este", "nuevo", "reemplaza", "sustituye"} {
					if strings.Contains(strings.ToLower(c.Subject+c.Text+c.HTML), word) {
						t.Errorf("%s: a mail whose link never expires says %q", name, word)
					}
				}
			}
			for _, want := range []string{d.User.Name, until, "personal", "contraseñas", "Nómada", "Recib"} {
				if !strings.Contains(unbroken(c.Text), want) {
					t.Errorf("%s: the text does not say %q", name, want)
				}
			}
		}
	}
}

// unbroken undoes line breaks, so that a phrase can be looked for.
func unbroken(text string) string { return strings.Join(strings.Fields(text), " ") }

// The documents and the law are those of the user's country, whatever Spanish
// the mail is written in.
func TestCountryDecidesDocumentsAndLaw(t *testing.T) {
	s := load(t, "")
	for _, tc := range []struct {
		country   pipeline.Country
		kind      pipeline.UserType
		want, not []string
	}{
		{pipeline.MX, pipeline.Individual, []string{"INE", "pasaporte", "Aviso de Privacidad", "S.A.P.I. de C.V."}, []string{"cédula", "172-13"}},
		{pipeline.DO, pipeline.Individual, []string{"cédula de identidad y electoral", "pasaporte", "Ley 172-13", "S.R.L."}, []string{"INE", "Aviso de Privacidad"}},
		{pipeline.MX, pipeline.Business, []string{"acta constitutiva", "RFC", "representante legal"}, []string{"RNC", "registro mercantil"}},
		{pipeline.DO, pipeline.Business, []string{"registro mercantil", "RNC", "representante legal"}, []string{"RFC", "acta constitutiva"}},
	} {
		for _, locale := range locales() {
			for _, step := range pipeline.Steps() {
				d := delivery(locale, step, tc.kind)
				d.User.Country = tc.country
				c := render(t, s, d)
				for part, text := range map[string]string{"text": unbroken(c.Text), "page": c.HTML} {
					for _, want := range tc.want {
						if !strings.Contains(text, want) {
							t.Errorf("%s in %s, %s: the %s does not say %q", tc.kind, tc.country, locale, part, want)
						}
					}
					for _, not := range tc.not {
						if strings.Contains(text, not) {
							t.Errorf("%s in %s, %s: the %s says %q", tc.kind, tc.country, locale, part, not)
						}
					}
				}
			}
		}
	}
}

// The voice changes every form: a mail in usted has no word of tú left.
func TestVoice(t *testing.T) {
	s := load(t, formalDir(t))
	for _, d := range everyDelivery() {
		c := render(t, s, d)
		d.User.Name = ""
		for _, word := range strings.FieldsFunc(strings.ToLower(c.Subject+" "+c.Text+" "+c.HTML), func(r rune) bool {
			return strings.ContainsRune(" \n.,;:¿?¡!<>()\"", r)
		}) {
			switch word {
			case "tú", "tu", "tus", "te", "eres", "tienes", "puedes", "usa", "copia", "pégalo", "escríbenos", "verifica", "confirma", "dejaste":
				t.Errorf("%s %s: %q is a form of tú", d.User.Locale, d.Step, word)
			}
		}
	}
}

// A mail says until when the link is valid, in the user's own zone.
func TestValidUntilInTheUsersZone(t *testing.T) {
	s := load(t, "")
	d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
	d.User.TimeZone = "America/Tijuana"
	d.Link.ExpiresAt = at(t, "2026-11-01T10:30:00Z")
	c := render(t, s, d)
	const want = "domingo 1 de noviembre de 2026 a las 2:30 (hora de Tijuana)"
	if !strings.Contains(unbroken(c.Text), want) || !strings.Contains(c.HTML, want) {
		t.Errorf("the mail does not say %q:\n%s", want, c.Text)
	}
}

// What can't be rendered is an error that names it.
func TestRenderErrors(t *testing.T) {
	s := load(t, "")
	for _, tc := range []struct {
		name   string
		change func(*pipeline.Delivery)
		want   string
	}{
		{"an unknown locale", func(d *pipeline.Delivery) { d.User.Locale = "es-CO" }, `"es-CO"`},
		{"no locale", func(d *pipeline.Delivery) { d.User.Locale = "" }, `locale ""`},
		{"an unknown step", func(d *pipeline.Delivery) { d.Step = "farewell" }, `"farewell"`},
		{"an unknown country", func(d *pipeline.Delivery) { d.User.Country = "US" }, `"US"`},
		{"a link that never expires", func(d *pipeline.Delivery) { d.Link.ExpiresAt = time.Time{} }, "expiry"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
			tc.change(d)
			if _, err := s.Render(d); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %s, got %v", tc.want, err)
			}
		})
	}
}

// A reminder speaks of how many the user got, not of how many were planned: a
// round that was cancelled or failed is not one that the reader remembers.
func TestRoundIsWhatTheUserGot(t *testing.T) {
	s := load(t, "")
	for _, tc := range []struct {
		name       string
		round, nth int
		want       string
	}{
		{"the first reminder that arrives is the first, whatever its round", 3, 1, "te falta un paso"},
		{"the second that arrives is the second", 3, 2, "tu verificación sigue pendiente"},
		{"without a count the round stands in", 2, 0, "tu verificación sigue pendiente"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := delivery(pipeline.ESMX, pipeline.Reminder, pipeline.Individual)
			d.Round, d.Nth = tc.round, tc.nth
			if c := render(t, s, d); !strings.Contains(c.Subject, tc.want) {
				t.Errorf("the subject is %q, want %q", c.Subject, tc.want)
			}
		})
	}
}

// The same delivery gives the same content, in another process and on many
// workers at once: a mail in doubt is only repeated when it is the same.
func TestDeterministic(t *testing.T) {
	first, second := load(t, ""), load(t, "")
	var workers sync.WaitGroup
	for _, d := range everyDelivery() {
		want := render(t, first, d)
		for range 4 {
			workers.Go(func() {
				if got, err := second.Render(d); err != nil || got != want {
					t.Errorf("%s %s: another content, error %v", d.User.Locale, d.Step, err)
				}
			})
		}
	}
	workers.Wait()
}

func BenchmarkRender(b *testing.B) {
	s := load(b, "")
	d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Render(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b, "")
	}
}
