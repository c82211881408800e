package templates

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"alta/pipeline"
)

// echoing is a set that shows the name wherever a template can: in the subject,
// in the title, in attributes and in the text.
func echoing(t testing.TB) *Set {
	t.Helper()
	files := map[string]string{}
	for _, l := range locales() {
		files[stepFile(l, pipeline.Invite, partSubject)] = "{{.Name}}: verifica {{.Name}}\n"
		files[stepFile(l, pipeline.Invite, partText)] = `{{define "body"}}Para {{.Name}}` + "\n\n{{.Name}}{{end}}"
		files[stepFile(l, pipeline.Invite, partHTML)] = `{{define "title"}}{{.Name}}{{end}}{{define "preheader"}}{{.Name}}{{end}}` +
			`{{define "body"}}<p title="{{.Name}}"><b title='{{.Name}}'>{{.Name}}</b></p>{{end}}`
	}
	return load(t, overrides(t, files))
}

// A name is shown or left out. It never becomes markup, a template, a header or
// a line of its own, not even where a partner's own templates show it.
func TestNamesStayInert(t *testing.T) {
	s := echoing(t)
	for _, tc := range []struct{ sentence, name, shown string }{
		{"a template is text", "{{.Link}}", "{{.Link}}"},
		{"so is one that would run for ever", `{{define "x"}}{{template "x"}}{{end}}`, `{{define "x"}}{{template "x"}}{{end}}`},
		{"so is one that ends another", `}}{{end}}{{.Link`, `}}{{end}}{{.Link`},
		{"a script is text, and its end tag is taken for a link", "<script>alert(1)</script>", ""},
		{"a script alone is text", "<script>alert(1)", "<script>alert(1)"},
		{"quotes end no attribute", `Ana" onmouseover="alert(1)' x='`, `Ana" onmouseover="alert(1)' x='`},
		{"a comment is text", "--><h1>Ana<!--", "--><h1>Ana<!--"},
		{"a character reference is text", "Ana &lt;b&gt; &#x2028;", "Ana &lt;b&gt; &#x2028;"},
		{"the word of html/template for a refused value is refused", "ZgotmplZ", "error"},
		{"an override of the direction goes", "Ana\u202eazul", "Anaazul"},
		{"isolates of the direction go", "\u2066Ana\u2069 \u2067Luz\u2069", "Ana Luz"},
		{"characters of no width go", "A\u200bn\u200da\u2060\ufeff", "Ana"},
		{"a line break is a space", "Ana\r\nBcc: x\n\n.\n", "Ana Bcc: x ."},
		{"so are the line breaks of Unicode", "Ana\u2028Luz\u2029Paz\u0085Sol", "Ana Luz Paz Sol"},
		{"a NUL is a space", "Ana\x00Luz", "Ana Luz"},
		{"bytes that are not UTF-8 go", "Ana\xff\xfe", "Ana"},
	} {
		t.Run(tc.sentence, func(t *testing.T) {
			for _, l := range locales() {
				d := delivery(l, pipeline.Invite, pipeline.Individual)
				d.User.Name = "Ana"
				want := outline(t, render(t, s, d).HTML)
				d.User.Name = tc.name
				c, err := s.Render(d)
				if tc.shown == "error" {
					if err == nil {
						t.Fatal("rendered")
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if subject := strings.TrimSpace(tc.shown + ": verifica " + tc.shown); c.Subject != subject {
					t.Errorf("subject %q, want %q", c.Subject, subject)
				}
				if got := outline(t, c.HTML); !slices.Equal(got, want) {
					t.Errorf("the page is made of %q, want %q", got, want)
				}
				if !strings.Contains(html.UnescapeString(c.HTML), ">"+tc.shown+"</b>") {
					t.Errorf("the page does not show %q", tc.shown)
				}
				if !strings.Contains(c.Text, strings.TrimSpace("Para "+tc.shown)+"\n") {
					t.Errorf("the text does not show %q:\n%s", tc.shown, c.Text)
				}
				checkLinks(t, c, d.Link.URL.Reveal())
			}
		})
	}
}

// FuzzRender finds a user or a link that changes what a mail is made of.
func FuzzRender(f *testing.F) {
	f.Add("María Fernanda", "verify.example/s?_al=TOKEN==&r=a%2Fb", "America/Tijuana", false)
	f.Add("{{.Link}}", "verify.example/{{.Name}}", "Etc/GMT+5", true)
	f.Add(`"><script>alert(1)`, `verify.example/"><script>alert(1)</script>`, "../../etc/passwd", false)
	f.Add("Ana\u202e\u200b\r\n.\r\nBcc: x", "verify.example/'--><!--&amp;&#10;", "", true)
	f.Add("\xff\x00", "verify.example/#javascript:alert(1)", "Local", false)
	s := echoing(f)
	f.Fuzz(func(t *testing.T, name, rest, zone string, business bool) {
		kind := pipeline.Individual
		if business {
			kind = pipeline.Business
		}
		d := delivery(pipeline.ESMX, pipeline.Invite, kind)
		d.User.Name = "Ana"
		want := outline(t, render(t, s, d).HTML)

		link := "https://" + rest
		d.User.Name, d.User.TimeZone, d.Link.URL = name, zone, pipeline.NewSecret(link)
		c, err := s.Render(d)
		if checkLink(link) != nil {
			if err == nil {
				t.Fatalf("%q was mailed", link)
			}
			return
		}
		if err != nil {
			// What is left to refuse is a mail that got too big, a link in the
			// subject, and the word that html/template writes for a bad value.
			if len(link) < 2048 && !strings.Contains(name+link, "ZgotmplZ") && !strings.Contains(name, link) {
				t.Fatalf("name %q, link %q: %v", name, link, err)
			}
			return
		}
		if again, err := s.Render(d); err != nil || again != c {
			t.Errorf("another mail the second time, %v", err)
		}
		if n := len(c.Subject) + len(c.Text) + len(c.HTML); n > MaxBytes {
			t.Errorf("%d bytes", n)
		}
		unsafe := func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
		}
		if strings.ContainsFunc(c.Subject, unsafe) || strings.ContainsFunc(strings.ReplaceAll(c.Text, "\n", ""), unsafe) {
			t.Errorf("a character that is not text in %q or %q", c.Subject, c.Text)
		}
		if got := outline(t, c.HTML); !slices.Equal(got, want) {
			t.Errorf("the page is made of %q, want %q", got, want)
		}
		checkLinks(t, c, link)
	})
}

// outline lists the page's elements with the names of their attributes, and
// marks its comments.
func outline(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			element := n.Data
			for _, a := range n.Attr {
				element += " " + a.Key
			}
			list = append(list, element)
		case html.CommentNode:
			list = append(list, "comment")
		}
	}
	return list
}
