package web

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"alta/pipeline"
)

// What a mail is measured by. Gmail clips a page above 102 KB; phones show about
// forty characters of a subject, and nothing shows more than seventy or so; RFC 5322,
// section 2.1.1, recommends lines of at most 78 characters.
const (
	clippedBytes  = 102 << 10
	heavyBytes    = 80 << 10
	longSubject   = 70
	phoneSubject  = 45
	longTextLine  = 78
	manyLinks     = 8
	fewTextLetter = 200
)

// finding is what a check of a mail found.
type finding struct {
	Check string // names the words for it
	Good  bool
	N     int // what was measured
}

// lint checks what a mail looks like to mail programs and spam filters. What would
// keep it from being read at all the templates refuse when they are loaded.
func lint(c pipeline.Content) []finding {
	page := scanPage(c.HTML)
	longest := 0
	for line := range strings.Lines(c.Text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "://") {
			continue // a link can't be broken
		}
		longest = max(longest, utf8.RuneCountInString(line))
	}
	subject := utf8.RuneCountInString(c.Subject)
	size := len(c.HTML)
	return []finding{
		{"size", size <= heavyBytes, size},
		{"subject", subject <= longSubject, subject},
		{"phone", subject <= phoneSubject, subject},
		{"shouting", !shouts(c.Subject), 0},
		{"links", page.links <= manyLinks, page.links},
		{"insecure", page.insecure == 0, page.insecure},
		{"images", page.images == 0, page.images},
		{"alt", page.withoutAlt == 0, page.withoutAlt},
		{"scripts", page.scripts == 0, page.scripts},
		{"text", utf8.RuneCountInString(c.Text) >= fewTextLetter, utf8.RuneCountInString(c.Text)},
		{"lines", longest <= longTextLine, longest},
		{"dark", strings.Contains(c.HTML, "prefers-color-scheme"), 0},
		{"language", page.language, 0},
	}
}

// scannedPage is what a check looks for in the HTML of a mail.
type scannedPage struct {
	links, insecure, images, withoutAlt, scripts int
	language                                     bool
}

func scanPage(text string) (p scannedPage) {
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return p // the end: a tokenizer of a text meets no other error
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		token := z.Token()
		attributes := map[string]string{}
		for _, a := range token.Attr {
			attributes[a.Key] = a.Val
		}
		p.count(token.Data, attributes)
	}
}

func (p *scannedPage) count(element string, attributes map[string]string) {
	switch element {
	case "a":
		p.links++
		if strings.HasPrefix(strings.ToLower(attributes["href"]), "http:") {
			p.insecure++
		}
	case "img":
		p.images++
		if _, ok := attributes["alt"]; !ok {
			p.withoutAlt++
		}
		if strings.HasPrefix(strings.ToLower(attributes["src"]), "http:") {
			p.insecure++
		}
	case "script", "iframe", "object", "embed", "form", "link":
		p.scripts++
	case "html":
		p.language = attributes["lang"] != ""
	}
}

// shouts tells whether a subject looks as those of spam do.
func shouts(subject string) bool {
	letters, capitals := 0, 0
	for _, r := range subject {
		if lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r)); lower != upper {
			letters++
			if string(r) == upper {
				capitals++
			}
		}
	}
	return strings.Contains(subject, "!!") || letters > 8 && capitals*2 > letters
}
