package web

import "regexp"

// Scheme is a colour scheme that a mail is shown in.
type Scheme string

// The schemes.
const (
	Light Scheme = "light"
	Dark  Scheme = "dark"
)

// framePolicy is the policy of a mail within a page: nothing runs, nothing is
// fetched, no form goes anywhere, and no other site frames it. Mails style
// themselves within, as mail programs want it.
const framePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"

const (
	alwaysMedia = "(min-width: 0)"
	neverMedia  = "(max-width: 0)"
)

// inScheme rewrites the HTML of a mail so that it shows in one colour scheme,
// whatever the browser prefers: a browser has one preference for the whole window,
// and both are to be seen beside each other.
func inScheme(page string, s Scheme) string {
	dark, light := neverMedia, alwaysMedia
	if s == Dark {
		dark, light = alwaysMedia, neverMedia
	}
	for _, r := range []struct{ pattern, with string }{
		{`\(\s*prefers-color-scheme\s*:\s*dark\s*\)`, dark},
		{`\(\s*prefers-color-scheme\s*:\s*light\s*\)`, light},
		{`color-scheme\s*:\s*light dark`, "color-scheme: " + string(s)},
		{`content="light dark"`, `content="` + string(s) + `"`},
	} {
		page = regexp.MustCompile(r.pattern).ReplaceAllLiteralString(page, r.with)
	}
	return page
}
