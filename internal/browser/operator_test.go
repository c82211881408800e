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
	p.Visit(d.page)
	if n := verified(); n != "2" {
		t.Errorf("%s are verified after, want two", n)
	}
}

// A viewer looks at everything and finds nothing to press but what is the viewer's own,
// and a form that an operator would send is refused.
func TestAViewerOnlyLooks(t *testing.T) {
	b, d := Start(t), startDemo(t)
	for _, path := range []string{"", "users", "users/" + idOf(1), "forecast", "attention", "mails", "audit"} {
		forms := func(as *Page) string {
			as.Visit(d.page + path)
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

// An operator sends a test mail, for a reason: the page tells the mail server's own
// reply, and the mail is in the mailbox.
func TestAnOperatorSendsATestMail(t *testing.T) {
	b, d := Start(t), startDemo(t)
	p := d.signIn(b, operator)
	p.Visit(d.page + "mails")
	p.Type(`form[action="/mails/test"] [name="to"]`, "prueba@correo.example")
	p.Type(`form[action="/mails/test"] [name="reason"]`, "to see how it looks")
	p.Click(`form[action="/mails/test"] button`)
	p.WaitFor("250 2.0.0")
	box := b.Visit(t, Look{Width: 390}, d.mailbox+"?q=prueba")
	if shown := box.Text(".mails"); !strings.Contains(shown, "prueba@correo.example") {
		t.Errorf("the mailbox shows\n%s", shown)
	}
	if log := d.alta("audit", "verify"); !strings.Contains(log, "all of them in the chain") {
		t.Errorf("the audit log says\n%s", log)
	}
}
