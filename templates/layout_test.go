package templates

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"alta/pipeline"
)

// The page is whole HTML: every element that opens closes, the language is the
// locale's, tables are for layout only, and there is something to show in the
// inbox besides the subject.
func TestPageIsWellFormed(t *testing.T) {
	s := load(t, "")
	for _, d := range everyDelivery() {
		var open []string
		tables, langs := 0, 0
		for z := html.NewTokenizer(strings.NewReader(render(t, s, d).HTML)); z.Next() != html.ErrorToken; {
			token := z.Token()
			attr := map[string]string{}
			for _, a := range token.Attr {
				if _, twice := attr[a.Key]; twice {
					t.Errorf("<%s> has two %s", token.Data, a.Key)
				}
				attr[a.Key] = a.Val
			}
			switch {
			case token.Type == html.EndTagToken:
				if len(open) == 0 || open[len(open)-1] != token.Data {
					t.Fatalf("</%s> closes %q", token.Data, open)
				}
				open = open[:len(open)-1]
			case token.Type == html.StartTagToken && !slices.Contains([]string{"meta", "br"}, token.Data):
				open = append(open, token.Data)
			}
			if token.Type != html.StartTagToken {
				continue
			}
			switch token.Data {
			case "html":
				langs++
				if attr["lang"] != string(d.User.Locale) {
					t.Errorf("lang is %q", attr["lang"])
				}
			case "table":
				tables++
				if attr["role"] != "presentation" {
					t.Errorf("a table without role=presentation")
				}
			case "img", "link", "script", "iframe", "object", "video", "audio", "source", "base", "form":
				t.Errorf("the page holds <%s>", token.Data)
			case "a":
				if attr["href"] == "" || attr["href"] == "mailto:" {
					t.Errorf("a link leads nowhere")
				}
			}
			for _, key := range []string{"src", "srcset", "background", "poster"} {
				if attr[key] != "" {
					t.Errorf("<%s> loads %s", token.Data, attr[key])
				}
			}
		}
		if len(open) != 0 || tables == 0 || langs != 1 {
			t.Errorf("left open %q, %d tables, %d html elements", open, tables, langs)
		}
	}
}

// Nothing in the style sheet loads from elsewhere, and both modes are named.
func TestPageLoadsNothing(t *testing.T) {
	page := render(t, load(t, ""), delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)).HTML
	for _, loads := range []string{"url(", "@import", "@font-face"} {
		if strings.Contains(page, loads) {
			t.Errorf("the page holds %s", loads)
		}
	}
	for _, want := range []string{
		`<meta name="color-scheme" content="light dark">`, "prefers-color-scheme: dark", `name="viewport"`, "mso-hide:all", "overflow-wrap:anywhere",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// A name is text, whatever it holds: it never opens an element.
func TestHostileNames(t *testing.T) {
	s := load(t, "")
	for _, name := range []string{
		`<script>alert('x')`, `"><img src=x onerror=alert(1)>`, `Tom & "Jerry" <b>`, `--><h1>`, `{{.Link}} {{template "x"}}`, `--><p>`,
	} {
		for _, d := range everyDelivery() {
			d.User.Name = "Ana"
			want := elements(t, render(t, s, d).HTML)
			d.User.Name = name
			c := render(t, s, d)
			if got := elements(t, c.HTML); !slices.Equal(got, want) {
				t.Errorf("%q changes the elements of the page", name)
			}
			if !strings.Contains(html.UnescapeString(c.HTML), name) || !strings.Contains(unbroken(c.Text), name) {
				t.Errorf("%q is not greeted", name)
			}
		}
	}
}

func elements(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			list = append(list, n.Data)
		}
	}
	return list
}

// Text and button stand out from what they stand on by 4.5 to 1, the level AA
// of WCAG 2.2, success criterion 1.4.3.
func TestContrast(t *testing.T) {
	layout := embeddedFile(t, layoutHTML)
	colour := func(name string) string {
		m := regexp.MustCompile(`\$` + name + ` := "(#[0-9a-f]{6})"`).FindStringSubmatch(layout)
		if m == nil {
			t.Fatalf("the layout names no colour $%s", name)
		}
		return m[1]
	}
	for _, pair := range [][2]string{
		{"ink", "card"}, {"ink", "tint"}, {"muted", "card"}, {"muted", "tint"}, {"accent", "card"}, {"onAccent", "accent"},
		{"darkInk", "darkCard"}, {"darkInk", "darkTint"}, {"darkMuted", "darkCard"}, {"darkMuted", "darkTint"},
		{"darkAccent", "darkCard"}, {"darkOnAccent", "darkAccent"},
	} {
		light, dark := luminance(t, colour(pair[0])), luminance(t, colour(pair[1]))
		if ratio := (max(light, dark) + 0.05) / (min(light, dark) + 0.05); ratio < 4.5 {
			t.Errorf("$%s on $%s has a contrast of %.2f", pair[0], pair[1], ratio)
		}
	}
	// Colours stand in one place only.
	_, rest, _ := strings.Cut(layout, "<!doctype html>")
	if stray := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b[^;]`).FindAllString(rest, -1); len(stray) > 0 {
		t.Errorf("colours beside those at the top: %q", stray)
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// Whatever a brand leaves empty leaves no label behind.
func TestBareBrand(t *testing.T) {
	full, set := brands(), load(t, "")
	for field, tc := range map[string]struct {
		clear func(*Brand)
		gone  []string
	}{
		"URL":          {func(b *Brand) { b.URL = "" }, []string{">https://nomada.example"}},
		"SupportEmail": {func(b *Brand) { b.SupportEmail = "" }, []string{"mailto:", "Escríbenos", "dudas", "pregunta"}},
		"LegalName":    {func(b *Brand) { b.LegalName = "" }, []string{"S.A.P.I.", "S.R.L.", "<b></b>"}},
		"Address":      {func(b *Brand) { b.Address = "" }, []string{"Av. "}},
		"PrivacyURL":   {func(b *Brand) { b.PrivacyURL = "" }, []string{"Aviso de Privacidad", "Política de privacidad", "Ley ", "conforme a la"}},
	} {
		t.Run(field, func(t *testing.T) {
			some := map[pipeline.Country]Brand{}
			for country, b := range full {
				tc.clear(&b)
				some[country] = b
			}
			s, err := Load(Options{Brands: some})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range locales() {
				d := delivery(l, pipeline.Invite, pipeline.Individual)
				c, whole := render(t, s, d), render(t, set, d)
				if c.HTML == whole.HTML || c.Text == whole.Text {
					t.Errorf("%s: %s does not show in the mail", l, field)
				}
				for _, gone := range tc.gone {
					if strings.Contains(c.HTML, gone) || strings.Contains(c.Text, gone) {
						t.Errorf("%s: %q is left", l, gone)
					}
				}
				// The greeting and the line above the link end in a colon too.
				if n := strings.Count(c.Text, ":\n\n"); n != 2 || strings.HasSuffix(c.Text, ":\n") {
					t.Errorf("%s: a label is left:\n%s", l, c.Text)
				}
			}
		})
	}
}

// The mark beside the brand's name is its first letter or digit.
func TestInitial(t *testing.T) {
	for name, want := range map[string]string{"Nómada": "N", "ñandú": "Ñ", "¡Órale!": "Ó", "2Pay": "2", "—": ""} {
		if got := (Brand{Name: name}).Initial(); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	s, err := Load(Options{Brands: map[pipeline.Country]Brand{pipeline.MX: {Name: "—"}, pipeline.DO: {Name: "—"}}})
	if err != nil {
		t.Fatal(err)
	}
	page := render(t, s, delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)).HTML
	if strings.Contains(page, fmt.Sprintf(`height="%d"`, 36)) {
		t.Error("a brand without a letter shows an empty mark")
	}
}
