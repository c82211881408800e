package browser

import (
	"regexp"
	"strings"
	"testing"
)

// What a user does at the provider moves the funnel that the operator looks at.
func TestTheFunnelMoves(t *testing.T) {
	b, d := Start(t), startDemo(t)
	d.says(regexp.MustCompile(`webhook: VERIFIED_USER for Ana`))
	p := d.signIn(b, operator)
	verified := func() string {
		shown := p.Text(".funnel")
		found := regexp.MustCompile(`Verified\s*(\d+)`).FindStringSubmatch(shown)
		if found == nil {
			t.Fatalf("the funnel is\n%s", shown)
		}
		return found[1]
	}
	if n := verified(); n != "1" {
		t.Errorf("%s are verified before, want the one who was played", n)
	}
	d.decided("yokasta.pena", "verify")
	p.Go(d.page)
	if n := verified(); n != "2" {
		t.Errorf("%s are verified after, want two", n)
	}
}

// A viewer looks at everything and finds nothing to press but what is the viewer's own,
// and a form that an operator would send is refused.
func TestAViewerOnlyLooks(t *testing.T) {
	b, d := Start(t), startDemo(t)
	for _, path := range []string{"", "forecast", "attention", "mails"} {
		forms := func(as *Page) string {
			as.Go(d.page + path)
			return Eval[string](as, `[...document.querySelectorAll("form[method=post]")].map(f => f.getAttribute("action")).join(" ")`)
		}
		if found := strings.Fields(forms(d.signIn(b, viewer))); strings.Join(found, " ") != "/logout /language" {
			t.Errorf("a viewer can send %q at /%s", found, path)
		}
	}
	p := d.signIn(b, viewer)
	status := Eval[int](p, `fetch("/attention/act", {method: "POST", body: new URLSearchParams({reason: "x"})}).then(r => r.status)`)
	if status != 403 {
		t.Errorf("a viewer's act is answered %d", status)
	}
}
