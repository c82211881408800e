package templates

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// executing returns a set of the same templates that resolves nothing: what it
// renders is the rule.
func executing(s *Set) *Set {
	other := &Set{brands: s.brands, languages: s.languages, mails: map[key]*mail{}}
	for k, m := range s.mails {
		other.mails[k] = &mail{subject: m.subject, text: m.text, html: m.html, usage: usage{obstacle: "the test executes all"}}
	}
	return other
}

// sameMail tells of any difference between two sets, in a byte of the mail or of
// the error.
func sameMail(t rapid.TB, s, rule *Set, d *pipeline.Delivery) {
	t.Helper()
	want, wantErr := rule.Render(d)
	got, err := s.Render(d)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Fatalf("the error is %v, executed it is %v", err, wantErr)
	}
	for part, texts := range map[string][2]string{
		"subject": {got.Subject, want.Subject}, "text": {got.Text, want.Text}, "page": {got.HTML, want.HTML},
	} {
		if texts[0] != texts[1] {
			t.Fatalf("another %s:\n%q\nexecuted it is\n%q", part, texts[0], texts[1])
		}
	}
}

// Every kind of mail is the same as when it is executed, with the templates of any
// partner, and all of the built-in ones are resolved.
func TestResolvedIsExecuted(t *testing.T) {
	for _, tc := range customTemplates(t) {
		t.Run(tc.sentence, func(t *testing.T) {
			s := loadLoosely(t, tc.files)
			rule := executing(s)
			for _, d := range everyDelivery() {
				if tc.files != nil && (d.User.Locale != pipeline.ESMX || d.Step == pipeline.Reissue || d.Round > 2) {
					continue // The built-in templates again, or as good as.
				}
				for _, name := range []string{d.User.Name, "", "Ana", `Tom & "Jerry" <b> 'x' 1+1=2 ` + "`"} {
					d.User.Name = name
					sameMail(t, s, rule, d)
					if tc.files == nil && resolved(t, s, d) == nil {
						t.Errorf("%s %s %s %d is executed", d.User.Locale, d.Step, d.User.Type, d.Round)
					}
				}
			}
		})
	}
}

// Whoever the user and whatever the link, a mail is the same as when it is
// executed, its error too.
func TestResolvedIsExecutedForAnyUser(t *testing.T) {
	type pair struct{ s, rule *Set }
	var pairs []pair
	for _, tc := range customTemplates(t) {
		s := loadLoosely(t, tc.files)
		pairs = append(pairs, pair{s, executing(s)})
	}
	echo := echoing(t)
	pairs = append(pairs, pair{echo, executing(echo)})
	for _, text := range []string{
		"{{.ValidUntil}} {{.Link}}",                                                          // the subject may hold the link
		"{{if .Business}}{{.Name}}{{end}}",                                                   // or be empty
		`{{if .Name}}{{.Name}}mplZ{{else}}Zgot{{end}} Zgot{{.Name}}`,                         // or hold parts of the refused word
		strings.Repeat("muy larga ", 6000) + "{{.Name}}{{.Name}}{{.Name}}{{.Name}}{{.Name}}", // or be nearly too long
	} {
		s := loadLoosely(t, subject(text))
		pairs = append(pairs, pair{s, executing(s)})
	}
	for _, text := range []string{`<p>Zgot{{.Name}}Z {{.Name}}mplZ</p>`, `<p title="{{.Link}}">{{.Link}}"</p><a {{.Href}}></a>`, `<p>{{.Link}}{{.Link}}{{.Name}}</p>`} {
		s := loadLoosely(t, body(text))
		pairs = append(pairs, pair{s, executing(s)})
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(pairs).Draw(t, "templates")
		sameMail(t, p.s, p.rule, anyDelivery(t))
	})
}

func anyDelivery(t *rapid.T) *pipeline.Delivery {
	d := delivery(
		rapid.SampledFrom(locales()).Draw(t, "locale"), rapid.SampledFrom(pipeline.Steps()).Draw(t, "step"),
		rapid.SampledFrom([]pipeline.UserType{pipeline.Individual, pipeline.Business, ""}).Draw(t, "type"),
	)
	d.User.Country = rapid.SampledFrom(countries()).Draw(t, "country")
	d.Round, d.Nth = rapid.IntRange(-1, 12).Draw(t, "round"), rapid.IntRange(0, 3).Draw(t, "nth")
	d.User.TimeZone = rapid.SampledFrom([]string{"", "America/Tijuana", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC", "no zone"}).Draw(t, "zone")
	d.Link.ExpiresAt = time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "expiry"), 0)
	words := rapid.SampledFrom([]string{
		"Ana", " ", "María", "<b>", "&", "&amp", ";", `"`, "'", "+", "`", "=", "{{.Link}}", "ZgotmplZ", "Zgot", "mplZ", "\x00", "\n", "\r\n", "\t",
		"\u00a0", "\u2028", "\u0301", "\ufdd0", "\U0001f600", "\xff", "q7Name7q", "Wolfeschlegelsteinhausenbergerdorff", "S.A. de C.V.", "0",
	})
	any := rapid.OneOf(words, rapid.String())
	d.User.Name = strings.Join(rapid.SliceOfN(any, 0, 20).Draw(t, "name"), "")
	parts := rapid.SampledFrom([]string{
		"a", "/", "?_al=", "&", "&amp", "amp;", ";", "&lt;", "+", "'", `"`, "<", ">", "%zz", "%2F", "href=", `href="`, "ZgotmplZ", "https://", "{{.Name}}",
		"#", "`", "\\", "q7Link7q", strings.Repeat("0123456789", 30), " ", "ñ",
	})
	url := "https://x.example/" + strings.Join(rapid.SliceOfN(parts, 0, 12).Draw(t, "link"), "")
	if rapid.Bool().Draw(t, "lasting") {
		lasting(d)
		url += rapid.SampledFrom([]string{"", pipeline.TicketPath}).Draw(t, "path") + "AAECAwQFBgcICQoLDA0ODw"
	}
	d.Link.URL = pipeline.NewSecret(url)
	return d
}

// FuzzResolved finds a user or a link for whom a joined mail is another than an
// executed one.
func FuzzResolved(f *testing.F) {
	f.Add("María Fernanda", "s?_al=TOKEN==&r=a%2Fb", "America/Tijuana", int64(0), 1, true)
	f.Add("<b>+'\"&\x00 Tom", "'+\"<>&amp;", "", int64(1e9), 3, false)
	f.Add(strings.Repeat("Ana ", 25), strings.Repeat("x", 300), "Asia/Tokyo", int64(-1e9), 2, false)
	builtIn, echo := load(f, ""), echoing(f)
	rules := map[*Set]*Set{builtIn: executing(builtIn), echo: executing(echo)}
	f.Fuzz(func(t *testing.T, name, rest, zone string, expiry int64, round int, business bool) {
		kind := pipeline.Individual
		if business {
			kind = pipeline.Business
		}
		for _, step := range []pipeline.Step{pipeline.Invite, pipeline.Reminder} {
			d := delivery(pipeline.ESDO, step, kind)
			d.User.Name, d.User.TimeZone, d.Round = name, zone, round
			d.Link.URL, d.Link.ExpiresAt = pipeline.NewSecret("https://x.example/"+rest), time.Unix(expiry, 0)
			for s, rule := range rules {
				sameMail(t, s, rule, d)
			}
			d = lasting(d)
			d.Link.URL = pipeline.NewSecret("https://x.example/" + rest + pipeline.TicketPath + "AAECAwQFBgcICQoLDA0ODw")
			for s, rule := range rules {
				sameMail(t, s, rule, d)
			}
		}
	})
}

// A user whose time zone has a line break in its name, whom no import lets in, still
// gets the mail that execution writes.
func TestValuesThatDoNotFitALine(t *testing.T) {
	s := load(t, "")
	rule := executing(s)
	for _, until := range []string{"hoy\nmañana", "hoy ", "hoy\t", "hoy\r", "\nhoy", " hoy"} {
		v, err := newVariables(delivery(pipeline.ESMX, pipeline.Reissue, pipeline.Individual), s.brands[pipeline.MX], s.languages[pipeline.ESMX])
		if err != nil {
			t.Fatal(err)
		}
		v.ValidUntil = until
		k := key{pipeline.ESMX, pipeline.Reissue}
		want, err := rule.mails[k].render(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.mails[k].render(v); err != nil || got != want {
			t.Errorf("%q: error %v, or another mail:\n%s", until, err, got.Text)
		}
	}
}

// What is kept stays small, however many rounds templates tell apart, and what is not
// kept is executed.
func TestVariantsAreBounded(t *testing.T) {
	kept := func(s *Set) (count, bytes int) {
		for _, m := range s.mails {
			if known := m.variants.known.Load(); known != nil {
				count += len(known.byKey)
				for r := range maps.Values(known.byKey) {
					if r != nil {
						bytes += r.size()
					}
				}
			}
		}
		return count, bytes
	}
	renderAll := func(s *Set, rounds int, steps ...pipeline.Step) {
		rule := executing(s)
		for _, l := range locales() {
			for _, step := range steps {
				for round := range rounds {
					for _, kind := range []pipeline.UserType{pipeline.Individual, pipeline.Business} {
						for _, country := range countries() {
							for _, name := range []string{"Ana", ""} {
								d := sampleDelivery(l, step, country, kind, 1+round, name)
								sameMail(t, s, rule, d)
								sameMail(t, s, rule, lasting(d))
							}
						}
					}
				}
			}
		}
	}
	s := load(t, "")
	renderAll(s, 5, pipeline.Steps()...)
	count, bytes := kept(s)
	t.Logf("%d variants of the built-in templates take %d bytes", count, bytes)
	if want := 2 * 8 * (1 + 3 + 1) * 2; count != want || bytes > 2<<20 {
		t.Errorf("%d variants of %d bytes, want %d of at most 2 MiB", count, bytes, want)
	}
	for _, m := range s.mails {
		if m.variants.known.Load().full {
			t.Error("there is no place for all variants of the built-in templates")
		}
	}

	for sentence, files := range map[string]map[string]string{
		"every round is another mail":                  greeting(t, "{{.Round}}"),
		"every round is another mail that is executed": greeting(t, `{{.Round}}</style><p style="x: {{.Name}}">`),
		"every mail is large":                          greeting(t, "{{.Round}} "+strings.Repeat("palabra ", 3000)),
	} {
		s := loadLoosely(t, files)
		renderAll(s, 10, pipeline.Reminder)
		for _, l := range locales() {
			known := s.mails[key{l, pipeline.Reminder}].variants.known.Load()
			size := 0
			for _, r := range known.byKey {
				if r != nil {
					size += r.size()
				}
			}
			if len(known.byKey) > maxVariants || size > maxResolved+MaxBytes {
				t.Errorf("%s: %s keeps %d variants of %d bytes", sentence, l, len(known.byKey), size)
			}
		}
	}
}

// Many workers that meet a variant for the first time learn it once.
func TestVariantIsLearntOnce(t *testing.T) {
	s := load(t, "")
	var workers sync.WaitGroup
	found := make([]*variant, 16)
	for i := range found {
		workers.Go(func() {
			found[i] = resolved(t, s, delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual))
		})
	}
	workers.Wait()
	for _, r := range found {
		if r == nil || r != found[0] {
			t.Fatal("another variant")
		}
	}
}

func BenchmarkRenderEach(b *testing.B) {
	joined := load(b, "")
	for _, l := range locales() {
		for _, step := range pipeline.Steps() {
			for _, way := range []struct {
				name string
				set  *Set
			}{{"joined", joined}, {"executed", executing(joined)}} {
				b.Run(fmt.Sprintf("%s/%s/%s", l, step, way.name), func(b *testing.B) {
					d := delivery(l, step, pipeline.Individual)
					render(b, way.set, d)
					b.ReportAllocs()
					for b.Loop() {
						if _, err := way.set.Render(d); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	s := load(b, "")
	d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
	v, err := newVariables(d, s.brands[d.User.Country], s.languages[d.User.Locale])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if s.mails[key{d.User.Locale, d.Step}].resolve(*v) == nil {
			b.Fatal("not resolved")
		}
	}
}
