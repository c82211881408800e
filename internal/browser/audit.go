package browser

import (
	_ "embed"
	"fmt"
	"strings"
)

// axe is axe-core 4.14.1 of Deque Systems, under the Mozilla Public License 2.0; its
// licence stands beside it. It comes from the npm package axe-core as it is.
//
//go:embed testdata/axe.min.js
var axe string

// violation is what axe-core reports.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// WantAccessible fails the test for whatever axe-core finds that is serious or
// critical: what keeps people out who use a keyboard, a screen reader or a strong
// contrast. Frames are left out, which show mails.
func (p *Page) WantAccessible() {
	p.t.Helper()
	Eval[bool](p, axe+";true")
	found := Eval[[]violation](p, `axe.run(document, {iframes: false, resultTypes: ["violations"]}).then(r =>
		r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html}))})))`)
	for _, v := range found {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		var where strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&where, "\n\t%s", n.HTML)
		}
		p.t.Errorf("%s is %s: %s (%s)%s", p.Address(), v.Impact, v.Help, v.ID, &where)
	}
}

// WantNoSideScroll fails the test if the page is wider than its window.
func (p *Page) WantNoSideScroll() {
	p.t.Helper()
	if wide := Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		p.t.Errorf("%s is %d pixels wider than its window", p.Address(), wide)
	}
}

// Unfold opens all that the page has folded away, forms of acts for example, and tells
// whether there was any.
func (p *Page) Unfold() bool {
	p.t.Helper()
	return Eval[int](p, `[...document.querySelectorAll("details:not([open])")].map(d => { d.removeAttribute("name"); d.open = true; }).length`) > 0
}
