package browser

import (
	"regexp"
	"strings"
	"testing"
)

// From a mail in the mailbox to a verified user in the ledger, by nothing but what a
// user clicks: the button in the mail, which opens the landing page from within a
// sandboxed frame; the button there, whose form the page's policy lets through to the
// provider; and the provider's own.
func TestAUserGoesFromTheMailToVerified(t *testing.T) {
	b, d := Start(t), startDemo(t)
	for _, c := range []struct {
		sentence, user, button string
		title, said, status    string
	}{
		{"She verifies.", "yokasta.pena@correo.example", "verify", "You are verified", "VERIFIED_USER for Yokasta Peña", "verified"},
		{"He is rejected.", "ramon.santana@correo.example", "reject", "You were rejected", "REJECTED_KYC for Ramón Santana", "rejected"},
		{"She hands in her documents.", "altagracia.jimenez@correo.example", "upload", "Your documents are in", "CREATED_KYC for Altagracia Jiménez", "in_review"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			look := Look{Width: 1280}
			box := b.Visit(t, look, d.mailbox)
			box.Type("#q", c.user)
			box.Click("form button")
			box.WaitFor("to “" + c.user)
			box.Click(".mails a")
			box.Wait("iframe")
			landing := pressInMail(box, look)
			if heading := landing.Text("h1"); !strings.Contains(heading, "identidad") {
				t.Errorf("the landing page is headed %q", heading)
			}
			landing.Click("form button")
			landing.WaitFor("Verification provider")
			landing.Click(`button[value="` + c.button + `"]`)
			landing.WaitFor(c.title)
			if shown := landing.Text("main"); !strings.Contains(shown, "was delivered and answered 200") {
				t.Errorf("the provider says\n%s", shown)
			}
			d.says(regexp.MustCompile(regexp.QuoteMeta("webhook: " + c.said)))
			if shown := d.alta("users", "show", c.user); !strings.Contains(shown, c.status) {
				t.Errorf("the ledger says\n%s", shown)
			}
			if story := d.alta("explain", c.user); !strings.Contains(story, "opened") || strings.Contains(story, "scanner") {
				t.Errorf("the visit of a person is not told:\n%s", story)
			}
		})
	}
}

var (
	mailFrame   = regexp.MustCompile(`/mails/\d+/html$`)
	landingPage = regexp.MustCompile(`/k/[\w-]{22}$`)
)

// pressInMail clicks the button of the mail that the mailbox shows, and returns the
// landing page that it opens.
func pressInMail(box *Page, look Look) *Page {
	box.t.Helper()
	type spot struct{ X, Y float64 }
	button := Eval[spot](box.Frame(mailFrame), `(() => {
		const r = document.querySelector("td.accent a").getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`)
	frame := Eval[spot](box, `(() => {
		const f = document.querySelector("iframe");
		f.scrollIntoView();
		const r = f.getBoundingClientRect();
		return {X: r.x + f.clientLeft, Y: r.y + f.clientTop};
	})()`)
	box.ClickAt(frame.X+button.X, frame.Y+button.Y)
	return box.Opened(look, landingPage)
}
