package templates

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"alta/pipeline"
)

// The link reaches the reader byte for byte: as the address of the button, in
// clear below it, and alone on a line of the text.
func TestLinkByteForByte(t *testing.T) {
	s := load(t, "")
	for _, link := range []string{
		"https://x.example/s?_al=TOKEN==&r=a%2Fb",
		"https://x.example/s?_al=a+b;c=d&e='f'(g)",
		"https://x.example/%C3%B1/%c3%b1?q=%27%22%3C%3E",
		"https://x.example/?a=1&amp;b=2&lt;&copy=3&copy;",
		`https://x.example/"quoted"<tag>\back|{brace}^` + "`tick`",
		"https://x.example/?100%&%zz&%",
		"https://x.example/#fragment?=&_al=--==",
		"https://x.example/{{.Name}}/</a><!--",
		sampleLink,
		"https://x.example/?_al=" + strings.Repeat("abcdef0123456789", 125),
	} {
		for _, d := range everyDelivery() {
			d.Link.URL = pipeline.NewSecret(link)
			checkLinks(t, render(t, s, d), link)
		}
	}
}

// A lasting link does so too, and so does the address in a reminder at which its
// reader opts out, whatever the path of the base.
func TestLastingLinkByteForByte(t *testing.T) {
	s := load(t, "")
	for _, base := range []string{
		"https://kyc.nomada.example", "http://127.0.0.1:8081", "https://nomada.example/a%2Fb+c;d='e'(f)*~!$,@[:]&amp;lt&copy=3",
		`https://nomada.example/"quoted"<tag>\back|{brace}^` + "`tick`", "https://nomada.example/k/k", "https://nomada.example/{{.Name}}/</a><!--",
	} {
		for _, token := range []string{"AAECAwQFBgcICQoLDA0ODw", "-_-_-_-_-_-_-_-_-_-_-w"} {
			for _, d := range everyDelivery() {
				d = lasting(d)
				link, optOut := base+"/k/"+token, base+"/u/"+token
				d.Link.URL = pipeline.NewSecret(link)
				c := render(t, s, d)
				checkLinks(t, c, link)
				want := 0
				if d.Step == pipeline.Reminder {
					want = 1
				}
				hrefs, _ := anchors(t, c.HTML)
				if n := count(hrefs, optOut); n != want {
					t.Errorf("%s: %d of the addresses are %q: %q", d.Step, n, optOut, hrefs)
				}
				if n := count(strings.Split(c.Text, "\n"), optOut); n != want {
					t.Errorf("%s: %d lines of the text are %q", d.Step, n, optOut)
				}
				if n := strings.Count(c.Text+html.UnescapeString(c.HTML), "/u/"); n != 2*want {
					t.Errorf("%s: %d times another address to opt out", d.Step, n)
				}
			}
		}
	}
}

// Only a reminder with a lasting link offers to opt out.
func TestWhoMayOptOut(t *testing.T) {
	s := load(t, "")
	for _, d := range everyDelivery() {
		c := render(t, s, d)
		want := d.Step == pipeline.Reminder && d.Link.Lasts()
		if got := strings.Contains(c.Text, "recordatorios") || strings.Contains(c.Text, "de baja"); got != want {
			t.Errorf("%s with lasting link %v: offered in the text %v", d.Step, d.Link.Lasts(), got)
		}
		if got := strings.Contains(c.HTML, "No recibir más recordatorios"); got != want {
			t.Errorf("%s with lasting link %v: offered on the page %v", d.Step, d.Link.Lasts(), got)
		}
	}
}

func FuzzLink(f *testing.F) {
	f.Add("x.example/s?_al=TOKEN==&r=a%2Fb+c;d='e'")
	f.Add("x.example/&amp;&lt;%zz\"><script>")
	f.Add("x.example/{{.Link}}")
	s := load(f, "")
	f.Fuzz(func(t *testing.T, rest string) {
		link := "https://" + rest
		d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
		d.Link.URL = pipeline.NewSecret(link)
		c, err := s.Render(d)
		if checkLink(link) != nil {
			if err == nil {
				t.Fatalf("%q was mailed", link)
			}
			return
		}
		if err != nil {
			// Only a link that is far too long is left to refuse.
			if len(link) < 2048 {
				t.Fatalf("%q: %v", link, err)
			}
			return
		}
		checkLinks(t, c, link)
	})
}

func checkLinks(t *testing.T, c pipeline.Content, link string) {
	t.Helper()
	hrefs, texts := anchors(t, c.HTML)
	if n := count(hrefs, link); n != 2 {
		t.Errorf("%d of the addresses are the link %q: %q", n, link, hrefs)
	}
	if n := count(texts, link); n != 1 {
		t.Errorf("%d of the clear links are %q: %q", n, link, texts)
	}
	if n := count(strings.Split(c.Text, "\n"), link); n != 1 {
		t.Errorf("%d lines of the text are the link %q", n, link)
	}
	if strings.Contains(c.Subject, link) {
		t.Errorf("the subject holds the link")
	}
}

func count(list []string, s string) int {
	return len(slices.DeleteFunc(slices.Clone(list), func(e string) bool { return e != s }))
}

// anchors returns the decoded addresses and texts of the page's links.
func anchors(t *testing.T, page string) (hrefs, texts []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == "href" {
				hrefs = append(hrefs, a.Val)
			}
		}
		var text strings.Builder
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				text.WriteString(c.Data)
			}
		}
		texts = append(texts, text.String())
	}
	return hrefs, texts
}

// A link that is not a plain https URL is never mailed, and the error doesn't
// tell it.
func TestBadLinks(t *testing.T) {
	s := load(t, "")
	for _, tc := range []struct{ name, link string }{
		{"no link", ""},
		{"no https", "http://x.example/SECRET"},
		{"http to a name that begins as this machine does", "http://127.0.0.1.x.example/SECRET"},
		{"a script", "javascript:SECRET"},
		{"no host", "https:///SECRET"},
		{"no URL", "https://x.example:SECRET/"},
		{"a space", "https://x.example/SECRET here"},
		{"a line break", "https://x.example/SECRET\r\nBcc: a@b.example"},
		{"a character outside ASCII", "https://x.example/SECRET\u202e"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
			d.Link.URL = pipeline.NewSecret(tc.link)
			c, err := s.Render(d)
			if err == nil || c != (pipeline.Content{}) {
				t.Fatalf("rendered with %q", tc.link)
			}
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error tells the link: %v", err)
			}
		})
	}
}
