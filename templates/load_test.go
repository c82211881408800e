package templates

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"alta/pipeline"
)

// Each mistake in an overriding file stops Load, with an error that names the
// file and what is wrong.
func TestLoadNamesTheMistake(t *testing.T) {
	const body = `{{define "body"}}x{{end}}`
	words := embeddedFile(t, "es-MX/words.tmpl")
	layout := embeddedFile(t, layoutHTML)
	layoutTXT := embeddedFile(t, layoutText)
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"a misspelt variable is named with file and line",
			map[string]string{"es-DO/reminder.txt.tmpl": "{{define \"body\"}}\nHola\n{{.Nmae}}{{end}}"},
			[]string{"es-DO/reminder.txt.tmpl:3:", "Nmae"}},
		{"a misspelt variable that only companies see is found",
			map[string]string{"es-MX/invite.subject.tmpl": "{{if .Business}}{{.Bsuiness}}{{else}}x{{end}}"},
			[]string{"es-MX/invite.subject.tmpl:1:", "Bsuiness"}},
		{"a misspelt variable that only the third reminder shows is found",
			map[string]string{"es-MX/reminder.txt.tmpl": `{{define "body"}}{{if eq .Round 3}}{{.Brand.Nmae}}{{end}}x{{end}}`},
			[]string{"es-MX/reminder.txt.tmpl:1:", "Nmae"}},
		{"a misspelt variable that only users in the other country see is found",
			map[string]string{"es-MX/invite.html.tmpl": `{{define "title"}}{{if eq .Country "DO"}}{{.X1}}{{end}}{{end}}{{define "preheader"}}{{end}}` + body},
			[]string{"es-MX/invite.html.tmpl:1:", "X1"}},
		{"a misspelt variable that only a brand without support reaches is found",
			map[string]string{"es-MX/words.tmpl": strings.Replace(words, `Aviso de Privacidad`, `Aviso{{if not .Brand.SupportEmail}}{{.X2}}{{end}}`, 1),
				"layout.txt.tmpl": layoutTXT + `{{template "privacy" .}}`},
			[]string{"es-MX/words.tmpl:", "X2"}},
		{"a phrase of the words that is gone is named by the file that uses it",
			map[string]string{"es-MX/words.tmpl": strings.Replace(words, `define "safety"`, `define "saftey"`, 1)},
			[]string{"layout.txt.tmpl:", `"safety"`}},
		{"a paragraph that is gone is named by the file that uses it",
			map[string]string{"es-MX/invite.words.tmpl": `{{define "opening"}}x{{end}}`},
			[]string{"es-MX/invite.txt.tmpl:", `"closing"`}},
		{"a misspelt variable of a paragraph is named once for both parts",
			map[string]string{"es-MX/invite.words.tmpl": `{{define "opening"}}{{.X3}}{{end}}{{define "closing"}}x{{end}}`},
			[]string{"es-MX/invite.words.tmpl:1:", "X3"}},
		{"a function that is not allowed is named",
			map[string]string{"es-MX/reissue.subject.tmpl": `{{env "HOME"}}`},
			[]string{"es-MX/reissue.subject.tmpl:1:", `function "env" not defined`}},
		{"a template that does not parse is named",
			map[string]string{"es-MX/invite.txt.tmpl": "{{define \"body\"}}\n{{if .Name}}"},
			[]string{"es-MX/invite.txt.tmpl:2:", "unexpected EOF"}},
		{"HTML that does not parse in context is named",
			map[string]string{"es-MX/invite.html.tmpl": `{{define "title"}}x{{end}}{{define "preheader"}}x{{end}}{{define "body"}}<a href="{{if .Name}}">{{end}}{{end}}`},
			[]string{"es-MX/invite.html.tmpl:1:", "different contexts"}},
		{"a missing piece is named",
			map[string]string{"es-DO/invite.html.tmpl": `{{define "title"}}x{{end}}` + body},
			[]string{"es-DO/invite.html.tmpl", `{{define "preheader"}} is missing`}},
		{"a missing body of the text is named",
			map[string]string{"es-DO/invite.txt.tmpl": `Hola`},
			[]string{"es-DO/invite.txt.tmpl", `{{define "body"}} is missing`}},
		{"a link in the subject is refused, since servers log subjects",
			map[string]string{"es-MX/invite.subject.tmpl": `Ve a {{.Link}}`},
			[]string{"es-MX/invite.subject.tmpl", "must not hold the link"}},
		{"an empty subject is refused",
			map[string]string{"es-MX/invite.subject.tmpl": "\n"},
			[]string{"es-MX/invite.subject.tmpl", "the subject is empty"}},
		{"the address to opt out in a subject is refused too",
			map[string]string{"es-MX/reminder.subject.tmpl": `Ve a {{.OptOut}}`},
			[]string{"es-MX/reminder.subject.tmpl", "must not hold the link"}},
		{"a misspelt variable that only mails with a lasting link show is found",
			map[string]string{"es-MX/reissue.txt.tmpl": `{{define "body"}}{{if .Lasting}}{{.X4}}{{end}}x{{end}}`},
			[]string{"es-MX/reissue.txt.tmpl:1:", "X4"}},
		{"a control character in a subject is refused",
			map[string]string{"es-MX/invite.subject.tmpl": `a{{"\x00"}}b`},
			[]string{"es-MX/invite.subject.tmpl", "control character"}},
		{"a text without the link is refused",
			map[string]string{"layout.txt.tmpl": `{{template "body" .}}`},
			[]string{"layout.txt.tmpl", "{{.Link}}"}},
		{"a link that shares its line is refused, since it may not be clickable there",
			map[string]string{"layout.txt.tmpl": strings.Replace(layoutTXT, "{{.Link}}", "<{{.Link}}>", 1)},
			[]string{"layout.txt.tmpl", "on a line of its own"}},
		{"a link written as a URL is refused, since html/template would change it",
			map[string]string{"layout.html.tmpl": strings.ReplaceAll(layout, "{{.Href}}", `href="{{.Link}}"`)},
			[]string{"layout.html.tmpl", "<a {{.Href}}>"}},
		{"a page without the link in clear is refused",
			map[string]string{"layout.html.tmpl": strings.Replace(layout, ">{{.Link}}<", ">aquí<", 1)},
			[]string{"layout.html.tmpl", "in clear"}},
		{"a value where a script may stand is refused",
			map[string]string{"layout.html.tmpl": strings.Replace(layout, "<h1 ", `<h1 style="x: {{.Name}}" `, 1)},
			[]string{"layout.html.tmpl", "unsafe value"}},
		{"a mail of more than 100 KB is refused",
			map[string]string{"es-MX/invite.txt.tmpl": `{{define "body"}}` + strings.Repeat("muy larga ", 11000) + `{{end}}`},
			[]string{"render es-MX invite", "the limit is 102400"}},
		{"a voice that is neither tú nor usted is named",
			map[string]string{"es-DO/voice.txt": "vos"},
			[]string{"es-DO/voice.txt", "tú or usted"}},
		{"a misspelt file name is not silently ignored",
			map[string]string{"es-MX/invte.html.tmpl": "x"},
			[]string{"es-MX/invte.html.tmpl", "no template has this name"}},
		{"a locale that does not exist is named",
			map[string]string{"es-CO/invite.txt.tmpl": "x"},
			[]string{"es-CO", "no such locale; the locales are es-MX, es-DO"}},
		{"a file that is not UTF-8 is named",
			map[string]string{"es-MX/invite.subject.tmpl": "Verif\xedcate"},
			[]string{"es-MX/invite.subject.tmpl", "not valid UTF-8"}},
		{"a file that is too long for a template is named",
			map[string]string{"es-MX/invite.subject.tmpl": strings.Repeat("x", maxFile+1)},
			[]string{"es-MX/invite.subject.tmpl", "longer than 256 KiB"}},
		{"a folder of other things is not listed to its end",
			others(1000),
			[]string{"0019: no template has this name", "more files are wrong and are not listed"}},
		{"two mistakes are both named",
			map[string]string{"es-MX/invite.subject.tmpl": "{{.A1}}", "es-DO/reissue.subject.tmpl": "{{.B2}}"},
			[]string{"A1", "B2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(Options{Dir: overrides(t, tc.files), Brands: brands()})
			if err == nil {
				t.Fatal("Load found nothing wrong")
			}
			for _, want := range tc.want {
				if !strings.Contains(filepath.ToSlash(err.Error()), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), sampleLink) || strings.Contains(err.Error(), sampleLasting) {
				t.Errorf("the error holds a link: %v", err)
			}
		})
	}
}

// Templates that were written before there were lasting links work on, without such
// links. With them, a date that is not there is found, and whoever asks whether there
// is one writes a mail that is right.
func TestADateThatALastingLinkHasNot(t *testing.T) {
	until := func(text string) map[string]string {
		return map[string]string{"es-MX/reissue.html.tmpl": `{{define "title"}}x{{end}}{{define "preheader"}}` + text +
			`{{end}}{{define "body"}}x{{end}}`}
	}
	for _, tc := range []struct {
		sentence string
		files    map[string]string
		wrong    bool // with lasting links
	}{
		{"a date in a sentence is missed", until("Sirve hasta el {{.ValidUntil}}."), true},
		{"a date in a subject is missed", map[string]string{"es-DO/reminder.subject.tmpl": "{{.Brand.Name}}: hasta el {{.ValidUntil}}"}, true},
		{"a date in words that text and page share is missed",
			map[string]string{"es-DO/invite.words.tmpl": `{{define "opening"}}Hasta el {{$.ValidUntil}}{{end}}{{define "closing"}}x{{end}}`}, true},
		{"a date that is alone in its condition leaves a hole", until("Sirve hasta el {{with .ValidUntil}}{{.}}{{end}}."), true},
		{"a sentence that asks whether the link lasts is right", until("{{if .Lasting}}No vence.{{else}}Hasta el {{.ValidUntil}}.{{end}}"), false},
		{"a sentence that asks whether there is a date is right", until("{{with .ValidUntil}}Hasta el {{.}}.{{end}}"), false},
		{"a mail without a date is right", until("Hola"), false},
	} {
		t.Run(tc.sentence, func(t *testing.T) {
			dir := overrides(t, tc.files)
			load(t, dir)
			_, err := Load(Options{Dir: dir, Brands: brands(), Lasting: true})
			if tc.wrong != (err != nil) {
				t.Fatalf("with lasting links: %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), "{{.ValidUntil}} is empty") || strings.Contains(err.Error(), sampleLasting)) {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

// A mistake in a file that all mails share is told once.
func TestLoadTellsAMistakeOnce(t *testing.T) {
	dir := overrides(t, map[string]string{"layout.txt.tmpl": "{{.Nmae}}"})
	_, err := Load(Options{Dir: dir, Brands: brands()})
	if err == nil || strings.Count(err.Error(), "can't evaluate field Nmae") != 1 {
		t.Errorf("want one mention of Nmae: %v", err)
	}
}

// A paragraph is written once and shows in both parts, its values escaped by the
// rules of each.
func TestPartsShareParagraphs(t *testing.T) {
	for _, step := range pipeline.Steps() {
		s := load(t, overrides(t, map[string]string{
			stepFile(pipeline.ESDO, step, partWords): `{{define "opening"}}Uno, {{.Name}}{{end}}{{define "closing"}}Dos{{end}}`,
		}))
		d := delivery(pipeline.ESDO, step, pipeline.Individual)
		d.User.Name = "Ana & Luis"
		c := render(t, s, d)
		if !strings.Contains(c.Text, "\n\nUno, Ana & Luis\n\nDos\n\n") || !strings.Contains(c.HTML, "<p>Uno, Ana &amp; Luis</p>\n<p>Dos</p>") {
			t.Errorf("%s: a part does not show the paragraphs:\n%s\n%s", step, c.Text, c.HTML)
		}
	}
}

// A folder that does not exist is an error, not an empty override.
func TestLoadMissingDir(t *testing.T) {
	_, err := Load(Options{Dir: filepath.Join(t.TempDir(), "nowhere"), Brands: brands()})
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}

// A locale that lacks a step is an error that names the file.
func TestMissingFile(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, name := range fileNames() {
		if name != "es-DO/reminder.txt.tmpl" && name != "es-MX/words.tmpl" {
			fsys[name] = &fstest.MapFile{Data: []byte("x")}
		}
	}
	_, err := readEmbedded(fsys)
	if err == nil || !strings.Contains(err.Error(), "missing file es-DO/reminder.txt.tmpl") ||
		!strings.Contains(err.Error(), "missing file es-MX/words.tmpl") {
		t.Errorf("got %v", err)
	}
}

// A brand that can't sign a mail is found at start.
func TestLoadChecksBrands(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(map[pipeline.Country]Brand)
		want   string
	}{
		{"a country without a brand", func(b map[pipeline.Country]Brand) { delete(b, pipeline.DO) }, "country DO has no name"},
		{"a brand without a name", func(b map[pipeline.Country]Brand) { b[pipeline.MX] = Brand{Name: " "} }, "country MX has no name"},
		{"a URL that runs a script", func(b map[pipeline.Country]Brand) {
			b[pipeline.MX] = Brand{Name: "N", PrivacyURL: "javascript:alert(1)"}
		}, "unsafe value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := maps.Clone(brands())
			tc.change(b)
			if _, err := Load(Options{Brands: b}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
		})
	}
}

// A file in the folder replaces one file and leaves the others; hidden files,
// byte order marks and the line ends of Windows do no harm, and a link to a
// file is as good as the file.
func TestOverrideOneFile(t *testing.T) {
	dir := overrides(t, map[string]string{
		"es-MX/invite.subject.tmpl":  "\ufeff{{.Brand.Name | upper}},\r\n{{.Name}}\r\n",
		".git/config":                "x",
		"es-MX/.invite.txt.tmpl.swp": "x",
		".kept/es-MX-reissue":        "Otro enlace",
	})
	if err := os.Symlink(filepath.Join(dir, ".kept", "es-MX-reissue"), filepath.Join(dir, "es-MX", "reissue.subject.tmpl")); err != nil {
		t.Fatal(err)
	}
	s, plain := load(t, dir), load(t, "")
	for _, d := range everyDelivery() {
		want := render(t, plain, d)
		switch (key{d.User.Locale, d.Step}) {
		case key{pipeline.ESMX, pipeline.Invite}:
			want.Subject = "NÓMADA PAY, " + d.User.Name
		case key{pipeline.ESMX, pipeline.Reissue}:
			want.Subject = "Otro enlace"
		}
		if got := render(t, s, d); got != want {
			t.Errorf("%s %s: subject %q, want %q, or another part differs", d.User.Locale, d.Step, got.Subject, want.Subject)
		}
	}
}

// others is a folder of n files that are no templates.
func others(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%04d", i)] = ""
	}
	return files
}

// A pipe or a device would block the start, or never end.
func TestADeviceIsNotRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/zero", filepath.Join(dir, layoutText)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Dir: dir, Brands: brands()}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error = %v", err)
	}
}
