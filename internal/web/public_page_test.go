package web

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sheet is the style sheet in a page: the same in all, so that no golden file has it.
func sheet() *regexp.Regexp { return regexp.MustCompile(`(?s)<style>.*</style>`) }

func newTestPages(t testing.TB, brands map[pipeline.Country]Brand, s speech) *pages {
	t.Helper()
	p, err := newPages(brands, s, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pages) mustRender(t testing.TB, v visible) string {
	t.Helper()
	text, err := p.render(p.words(v))
	if err != nil {
		t.Fatalf("%s: %v", v.kind, err)
	}
	return string(text)
}

// Every page reads as the golden files say: in both countries' Spanish, to persons
// and companies, in both voices, and at a brand that has nothing but a name.
func TestGoldenPages(t *testing.T) {
	informal, formal := newTestPages(t, publicBrands(), speech{}), newTestPages(t, publicBrands(), speech{formal: true})
	bare := newTestPages(t, map[pipeline.Country]Brand{pipeline.MX: {Name: "Acme"}, pipeline.DO: {Name: "Zeta"}}, speech{})
	written := map[string]bool{}
	for _, kind := range pageKinds() {
		for _, u := range []pipeline.User{mexican(), dominican()} {
			v := visible{kind: kind, user: u, token: tokenOf(1), when: today().Add(90 * time.Minute)}
			name := fmt.Sprintf("%s/%s", u.Locale, kind)
			golden(t, written, name+".html", informal.mustRender(t, v))
			other := u
			other.Type = map[pipeline.UserType]pipeline.UserType{pipeline.Individual: pipeline.Business, pipeline.Business: pipeline.Individual}[u.Type]
			v.user = other
			golden(t, written, name+".usted.html", formal.mustRender(t, v))
			v.user = pipeline.User{Country: u.Country, Locale: u.Locale, Type: u.Type, Status: u.Status}
			golden(t, written, name+".bare.html", bare.mustRender(t, v))
		}
	}
	for _, kind := range []pageKind{pageUnknown, pageBroken, pageForeign} {
		golden(t, written, fmt.Sprintf("stranger/%s.html", kind), informal.mustRender(t, stranger(0, kind)))
		golden(t, written, fmt.Sprintf("stranger/%s.usted.html", kind), formal.mustRender(t, stranger(0, kind)))
		golden(t, written, fmt.Sprintf("stranger/%s.bare.html", kind), bare.mustRender(t, stranger(0, kind)))
	}
	// A Dominican document in Mexican Spanish: country and locale are two things.
	abroad := mexican()
	abroad.Country = pipeline.DO
	golden(t, written, "es-MX/ready.in-DO.html", informal.mustRender(t, visible{kind: pageReady, user: abroad}))

	files, err := filepath.Glob("testdata/public/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !written[filepath.ToSlash(f)] {
			t.Errorf("%s: no test writes this golden file", f)
		}
	}
}

func golden(t *testing.T, written map[string]bool, name, got string) {
	t.Helper()
	path := "testdata/public/" + name
	written[path] = true
	got = sheet().ReplaceAllString(got, "<style></style>")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); run the test with -update if it is meant:\n%s", path, diff)
	}
}

// A name is whatever somebody signed up with. It reaches a page as text, and so
// does everything else that is not alta's own.
func TestHostileNamesAreEscaped(t *testing.T) {
	brands := publicBrands()
	b := brands[pipeline.MX]
	b.SupportEmail, b.URL, b.PrivacyURL = `"><script>alert(1)</script>@x`, "javascript:alert(1)", "javascript:alert(1)"
	brands[pipeline.MX] = b
	p := newTestPages(t, brands, speech{})
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title><svg onload=alert(1)>`, `{{.Token}}`, `</style><style>*{display:none}`,
		"\u202Egnp.exe", `<form action="https://evil.example">`,
	} {
		u := mexican()
		u.Name = name
		for _, kind := range pageKinds() {
			text := p.mustRender(t, visible{kind: kind, user: u, token: tokenOf(1)})
			text = sheet().ReplaceAllString(text, "")
			for _, bad := range []string{"<script", "<img", "<svg", "<style", "evil.example\"", `href="javascript:`} {
				if strings.Contains(text, bad) {
					t.Errorf("%s of %q holds %s:\n%s", kind, name, bad, text)
				}
			}
		}
	}
	u := mexican()
	u.Name = `{{.Token}}`
	if text := p.mustRender(t, visible{kind: pageReady, user: u, token: tokenOf(1)}); !strings.Contains(text, "Hola, {{.Token}}:") {
		t.Errorf("a name was executed as a template:\n%s", text)
	}
}

// No page asks the network for anything, has a script or a style of its own, or
// leads anywhere but to the brand's addresses; and its structure is what screen
// readers need.
func TestPagesAreSelfContained(t *testing.T) {
	p := newTestPages(t, publicBrands(), speech{})
	if style := string(p.style); strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style sheet fetches something")
	}
	links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	for _, kind := range pageKinds() {
		text := p.mustRender(t, visible{kind: kind, user: mexican(), token: tokenOf(1)})
		if n := strings.Count(text, "<style>"); n != 1 {
			t.Errorf("%s has %d style sheets", kind, n)
		}
		text = sheet().ReplaceAllString(text, "")
		for _, bad := range []string{"<script", "<iframe", "<img", "<object", "<base", " style=", " onclick=", " onload="} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", kind, bad)
			}
		}
		for _, match := range links.FindAllStringSubmatch(text, -1) {
			to := match[1]
			if !strings.HasPrefix(to, "data:") && !strings.HasPrefix(to, "https://acme.example") && to != "mailto:ayuda@acme.example" && to != tokenOf(1)+"/later" {
				t.Errorf("%s leads to %q", kind, to)
			}
		}
		for _, one := range []string{"<h1>", "<main>", "<title>", `<html lang="es-MX"`, `name="viewport"`} {
			if strings.Count(text, one) != 1 {
				t.Errorf("%s has %d of %s", kind, strings.Count(text, one), one)
			}
		}
		buttons := map[pageKind]int{pageReady: 1, pageReview: 1, pageDown: 2, pageBusy: 1, pageLeave: 1}[kind]
		if n := strings.Count(text, "<button"); n != buttons || n != strings.Count(text, `<form method="post"`) {
			t.Errorf("%s has %d buttons, want %d", kind, n, buttons)
		}
	}
}

// Two brands have no name in common: whoever nobody knows gets the help of both.
func TestStrangersOfTwoBrands(t *testing.T) {
	p := newTestPages(t, map[pipeline.Country]Brand{
		pipeline.MX: {Name: "Acme", SupportEmail: "mx@acme.example"}, pipeline.DO: {Name: "Zeta", SupportEmail: "do@zeta.example"},
	}, speech{})
	text := p.mustRender(t, stranger(http.StatusNotFound, pageUnknown))
	if strings.Contains(text, "Acme") || strings.Contains(text, "<header>") ||
		!strings.Contains(text, "mailto:mx@acme.example") || !strings.Contains(text, "mailto:do@zeta.example") {
		t.Errorf("the page:\n%s", text)
	}
}

// Whatever the locale of a record, there is a page.
func TestLocaleWithoutWords(t *testing.T) {
	p := newTestPages(t, publicBrands(), speech{})
	u := dominican()
	u.Locale = "fr-FR"
	if text := p.mustRender(t, visible{kind: pageReady, user: u}); !strings.Contains(text, `<html lang="es-DO"`) {
		t.Errorf("the page:\n%s", text)
	}
}
