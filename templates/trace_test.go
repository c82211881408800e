package templates

import (
	"fmt"
	"strings"
	"testing"

	"alta/pipeline"
)

// greeting returns the words of es-MX with another greeting. The text may end it and
// begin a definition that the greeting's own end then ends.
func greeting(t testing.TB, text string) map[string]string {
	t.Helper()
	const builtIn = `Hola{{with .Name}}, {{if $.Business}}equipo de {{end}}{{.}}{{end}}:`
	words := embeddedFile(t, wordsFile(pipeline.ESMX))
	if !strings.Contains(words, builtIn) {
		t.Fatal("the built-in greeting changed")
	}
	return map[string]string{wordsFile(pipeline.ESMX): strings.Replace(words, builtIn, text, 1)}
}

// body returns an invite whose page has another body.
func body(text string) map[string]string {
	return map[string]string{stepFile(pipeline.ESMX, pipeline.Invite, partHTML): `{{define "title"}}x{{end}}` +
		`{{define "preheader"}}x{{end}}{{define "body"}}` + text + `{{end}}`}
}

// subject returns an invite with another subject.
func subject(text string) map[string]string {
	return map[string]string{stepFile(pipeline.ESMX, pipeline.Invite, partSubject): text}
}

// customTemplates are those of partners, with what the invite of es-MX is because
// of them. An obstacle is one that the parse tree tells; "proof" stands for one that
// shows when the mail is tried.
func customTemplates(t testing.TB) []customTemplate {
	return []customTemplate{
		{"the built-in templates are resolved", nil, ""},
		{"the built-in templates in usted are resolved", map[string]string{"es-MX/voice.txt": "usted"}, ""},

		{"a value that is shown is resolved", greeting(t, `Hola {{.Name}}`), ""},
		{"so is one behind a condition", greeting(t, `{{if .Name}}Hola {{.Name}}{{else}}Hola{{end}}`), ""},
		{"so is one behind the opposite", greeting(t, `{{if not .Name}}Hola{{else}}Hola {{.Name}}{{end}}`), ""},
		{"so is one behind a condition of several parts",
			greeting(t, `{{if and .Name (or .Business (not .Link))}}Hola {{.Name}}{{end}}`), ""},
		{"so is one behind a condition in an else", greeting(t, `{{if .Business}}x{{else if .Name}}{{.Name}}{{else}}y{{end}}`), ""},
		{"so is one in parentheses", greeting(t, `Hola {{(.Name)}} {{($).ValidUntil}}`), ""},
		{"so is the dot of a with", greeting(t, `{{with $.Name}}{{.}} {{with $.ValidUntil}}{{.}}{{end}}{{end}}`), ""},
		{"so is the dot of another template", greeting(t, `{{template "shown" .Name}}{{end}}{{define "shown"}}({{.}})`), ""},
		{"so is one of a template that gets all", greeting(t, `{{template "shown" $}}{{end}}{{define "shown"}}({{.Name}})`), ""},
		{"so is one of a block", greeting(t, `{{block "shown" .}}({{.Name}}){{end}}`), ""},
		{"so is one that is shown twice on a line that breaks", greeting(t, strings.Repeat("palabra ", 8)+`{{.Name}}, {{.Name}} {{.ValidUntil}}`), ""},
		{"so is one at the ends of lines", greeting(t, "\n \t{{.Name}} \t\n\n\n{{.ValidUntil}}\t{{.Name}}  "), ""},
		{"so is one in a subject", subject(" {{.Name}}:  verifica,\n{{.Brand.Name | upper}} "), ""},
		{"so is one in a title and in quoted attributes",
			body(`<p title="{{.Name}}"><b title='{{.Name}} {{.Link}}'>{{.Name}} {{.ValidUntil}}</b></p>`), ""},
		{"so is a value in a comment, which html/template leaves out", body(`<!-- {{.Name}} -->x`), ""},
		{"so is a third button", body(`<a {{.Href}}>x</a>`), ""},
		{"so is the link in clear without a tag around it", body(`Ve a {{.Link}} y ya`), ""},
		{"so is the link behind an ampersand", body(`<p>&{{.Link}} &amp{{.Link}};</p>`), ""},
		{"so is a text with the attribute in it", body(`<p>href="{{.Link}}"</p>`), ""},
		{"so is the attribute in a text", map[string]string{layoutText: embeddedFile(t, layoutText) + "\n{{.Href}} {{.Link}}"}, ""},

		{"constant functions and variables are resolved", greeting(t, `{{$x := .Brand.Name | lower}}{{range $i, $e := list "a" "b"}}{{if $i}}{{break}}{{end}}{{$e}}{{$x = $e}}{{end}}{{$x}}{{len $x}}`), ""},
		{"functions of the brand are resolved", greeting(t, `{{with .Brand}}{{.Name | quote}}{{.Initial}}{{end}}{{printf "%s-%v" .Country .Business}}`), ""},
		{"a round that is compared is resolved", greeting(t, `{{if gt .Round 3}}x{{else if eq $.Round 1 2}}y{{else}}z{{end}}`), ""},
		{"a round that is shown is resolved round by round", greeting(t, `{{.Round}}`), ""},
		{"a template that calls itself is resolved as far as it ends",
			greeting(t, `{{template "again" list "a" "b"}}{{end}}{{define "again"}}{{range .}}{{.}}{{end}}{{if rest .}}{{template "again" rest .}}{{end}}`), ""},

		{"a value in a pipeline is executed", greeting(t, `{{.Name | upper}}`), "passed to a function"},
		{"a value as an argument is executed", greeting(t, `{{printf "%.3s" .Name}}`), "passed to a function"},
		{"a length is executed", greeting(t, `{{len .Name}}`), "passed to a function"},
		{"a comparison is executed", greeting(t, `{{if eq .Name "Ana"}}x{{end}}`), "passed to a function"},
		{"a comparison within a condition is executed", greeting(t, `{{if and .Business (ne .Name "Ana")}}x{{end}}`), "passed to a function"},
		{"a function of the dot is executed", greeting(t, `{{with .Name}}{{. | upper}}{{end}}`), "passed to a function"},
		{"a function of another template's dot is executed", greeting(t, `{{template "shown" .Name}}{{end}}{{define "shown"}}{{upper .}}`), "passed to a function"},
		{"a default for a value is executed", greeting(t, `{{.Name | default "cliente"}}`), "passed to a function"},
		{"an or that is shown is executed", greeting(t, `{{or .Name "cliente"}}`), "passed to a function"},
		{"a with of an or is executed", greeting(t, `{{with or .Name "cliente"}}{{.}}{{end}}`), "passed to a function"},
		{"a value in the voice is executed", greeting(t, `{{.Say .Name "x"}}`), "passed to a function"},
		{"a value in parentheses in a function is executed", greeting(t, `{{upper (.Name)}}`), "passed to a function"},
		{"all variables in a function are executed", greeting(t, `{{if eq (printf "%v" .) "x"}}y{{end}}`), "passed to a function"},
		{"the escaper of html/template by name is executed", greeting(t, `{{.Name | html}}`), "passed to a function"},
		{"a value in a variable is executed", greeting(t, `{{$n := .Name}}{{$n}}`), "kept in a variable"},
		{"a value set to a variable is executed", greeting(t, `{{$n := "x"}}{{if .Business}}{{$n = .Name}}{{end}}{{$n}}`), "kept in a variable"},
		{"a value in the variable of a condition is executed", greeting(t, `{{if $n := .Name}}{{$n}}{{end}}`), "kept in a variable"},
		{"a value in the variable of a with is executed", greeting(t, `{{with $n := .Name}}{{$n | upper}}{{end}}`), "kept in a variable"},
		{"all variables in a variable are executed", greeting(t, `{{$all := .}}{{$all.Name | upper}}`), "kept in a variable"},
		{"another $ is executed", greeting(t, `{{$ := "x"}}{{$}}`), "$ is set"},
		{"a function of what is passed under another name is executed", greeting(t, `{{with $}}{{.Name | upper}}{{end}}`), "passed to a function"},

		{"a value that html/template refuses when it is odd is executed", body(`<p style="color: {{.Name}}">x</p>`), "proof"},
		{"a value without quotes is executed", body(`<p title={{.Name}}>x</p>`), "proof"},
		{"a value in a URL is executed", body(`<a href="https://x.example/{{.Name}}">x</a>`), "proof"},
		{"a value in a script is executed", body(`<script>var name = {{.Name}};</script>`), "proof"},
		{"the attribute in the text of a page is executed, for it is escaped twice", body(`<p>{{.Href}}</p>`), "proof"},
	}
}

type customTemplate struct {
	sentence string
	files    map[string]string
	obstacle string
}

// loadLoosely loads templates that the rehearsal refuses for the sake of a few users,
// so that what they do is tried all the same.
func loadLoosely(t testing.TB, overriding map[string]string) *Set {
	t.Helper()
	files, err := readFiles("")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range overriding {
		files[name] = file{origin: name, text: text}
	}
	s := &Set{brands: brands(), languages: map[pipeline.Locale]language{}, mails: map[key]*mail{}}
	for _, l := range locales() {
		v, err := parseVoice(files[voiceFile(l)])
		if err != nil {
			t.Fatal(err)
		}
		s.languages[l] = language{voice: v, calendar: calendars()[l]}
		for _, step := range pipeline.Steps() {
			m, err := parseMail(files, l, step)
			if err != nil {
				t.Fatal(err)
			}
			s.mails[key{l, step}] = m
		}
	}
	return s
}

// Which templates are resolved and which are executed, and why.
func TestWhatIsResolved(t *testing.T) {
	for _, tc := range customTemplates(t) {
		t.Run(tc.sentence, func(t *testing.T) {
			s := loadLoosely(t, tc.files)
			m := s.mails[key{pipeline.ESMX, pipeline.Invite}]
			if tc.obstacle == "" || tc.obstacle == "proof" {
				if m.usage.obstacle != "" {
					t.Fatalf("the obstacle is %q", m.usage.obstacle)
				}
			} else if !strings.Contains(m.usage.obstacle, tc.obstacle) || !strings.Contains(m.usage.obstacle, ".tmpl:") {
				t.Errorf("the obstacle is %q, want one that says where and %q", m.usage.obstacle, tc.obstacle)
			}
			d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
			if _, err := s.Render(d); err != nil {
				t.Fatal(err)
			}
			if resolved := resolved(t, s, d) != nil; resolved != (tc.obstacle == "") {
				t.Errorf("resolved: %v", resolved)
			}
		})
	}
}

// resolved returns the variant that the mail is joined from, or nil.
func resolved(t testing.TB, s *Set, d *pipeline.Delivery) *variant {
	t.Helper()
	v, err := newVariables(d, s.brands[d.User.Country], s.languages[d.User.Locale])
	if err != nil {
		t.Fatal(err)
	}
	return s.mails[key{d.User.Locale, d.Step}].variant(v)
}

// What the analysis does not know is an obstacle.
func TestUnknownFieldsAreObstacles(t *testing.T) {
	for _, text := range []string{
		`{{.Nmae}}`, `{{if false}}{{.Nmae}}{{end}}`, `{{.Name.First}}`, `{{.}}`, `{{range .Name}}x{{end}}`, `{{template "nowhere" .}}`,
		`{{(.).Nmae}}`, `{{.Href.X}}`,
	} {
		if m := loadLoosely(t, greeting(t, text)).mails[key{pipeline.ESMX, pipeline.Invite}]; m.usage.obstacle == "" {
			t.Errorf("%s is resolved", text)
		}
	}
}

// Rounds that no template can tell apart share a variant.
func TestRoundsThatReadAlike(t *testing.T) {
	for _, tc := range []struct {
		sentence, text string
		step           pipeline.Step
		want           string
	}{
		{"an invite does not look at the round", "Hola", pipeline.Invite, "[1 1 1 1 1]"},
		{"the built-in reminder knows the first and the second", "Hola", pipeline.Reminder, "[1 2 3 3 3]"},
		{"a comparison counts up to its highest number", `{{if le .Round 4}}x{{end}}`, pipeline.Reminder, "[1 2 3 4 5]"},
		{"a round that is shown tells all apart", `{{.Round}}`, pipeline.Reminder, "[1 2 3 4 9]"},
	} {
		u := loadLoosely(t, greeting(t, tc.text)).mails[key{pipeline.ESMX, tc.step}].usage
		var got []int
		for _, round := range []int{1, 2, 3, 4, 9} {
			got = append(got, u.likeRound(round))
		}
		if fmt.Sprint(got) != tc.want {
			t.Errorf("%s: %v, want %s", tc.sentence, got, tc.want)
		}
	}
}
