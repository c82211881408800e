package browser

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

const (
	sought       = "yokasta pen" // finds one of all who are called Yokasta, without the accents of her name
	soughtName   = "Yokasta Peña"
	soughtMail   = "yokasta.pena@correo.example"
	whyResent    = "She asked by telephone, and waits for it"
	resentTitled = "aquí está"
)

// What alta is for, from the operator's chair and from the user's. An operator finds one
// user among a million, reads what has happened to her and sends the mail once more,
// for a reason. It is in her mailbox; she presses the button in it, then the one of the
// landing page, and is verified at the provider, whose signed webhook says so. The
// operator reads that on her page, and sees the funnel move. A viewer sees the same,
// and can change nothing.
func TestTheWholeStory(t *testing.T) {
	b, d := Start(t), startDemo(t)
	d.says(regexp.MustCompile(`webhook: VERIFIED_USER for Ana`)) // and nobody else changes by themselves
	d.crowd(crowdSize())
	mara, vera := d.signIn(b, operator), d.signIn(b, viewer)
	for query, values := range map[string]url.Values{
		"a name": {"q": {sought}}, "a name of many": {"q": {"yokasta"}}, "an id": {"q": {"crowd-000"}}, "an address": {"q": {"an.1"}},
		"filters": {"country": {"DO"}, "status": {"verified"}, "type": {"BUSINESS"}}, "all": nil,
	} {
		t.Run("The server finds "+query+" at once.", func(t *testing.T) { d.wantQuick(t, 100*time.Millisecond, "users", values) })
	}
	t.Run("The server knows at once how all of it stands.", func(t *testing.T) { d.wantQuick(t, 150*time.Millisecond, "", nil) })

	before := d.verified(mara)
	if least := crowdSize()/2 + 1; before < least {
		t.Errorf("%d are verified, want the crowd's and Ana, %d", before, least)
	}
	d.findsTheUser(mara)
	if story := mara.Text(".timeline"); !strings.Contains(story, "Came into the ledger") || !strings.Contains(story, "Invite was sent") || !strings.Contains(story, "250 2.0.0") {
		t.Errorf("the timeline lacks the invite, or the mail server's reply to it:\n%s", story)
	}
	page := mara.Address()
	t.Run("A viewer reads it, and can do nothing.", func(t *testing.T) { d.onlyReads(vera.For(t), page) })

	mara.Click(`details:has(form[action$="/resend"]) > summary`)
	mara.WantAccessible()
	mara.Type(`form[action$="/resend"] [name="reason"]`, whyResent)
	mara.Click(`form[action$="/resend"] [name="force"]`) // a reminder may be a moment old
	mara.Click(`form[action$="/resend"] button`)
	mara.WaitFor("The mail is due now; it goes out within seconds.")

	landing := pressInMail(d.mailResent(b), Look{Width: 1280})
	if shown := landing.Text("h1"); !strings.Contains(shown, "identidad") {
		t.Errorf("the landing page is headed %q", shown)
	}
	landing.Click("form button")
	landing.WaitFor("Verification provider")
	landing.Click(`button[value="verify"]`)
	landing.WaitFor("You are verified")
	if shown := landing.Text("main"); !strings.Contains(shown, "was delivered and answered 200") {
		t.Errorf("the provider says\n%s", shown)
	}

	d.showsTheEnd(mara, page)
	d.showsTheEnd(vera, page)
	for name, p := range map[string]*Page{"the operator": mara, "the viewer": vera} {
		if after := d.verified(p); after != before+1 {
			t.Errorf("%s sees that %d are verified, after %d", name, after, before)
		}
	}
	mara.Visit(d.page + "audit?user=" + strings.TrimPrefix(page, d.page+"users/"))
	if shown := mara.Text("main"); !strings.Contains(shown, whyResent) || !strings.Contains(shown, "mara") || strings.Contains(shown, "vera") {
		t.Errorf("the audit log says\n%s", shown)
	}
}

// findsTheUser types into the search, and into a filter, nothing else, and follows the
// link to the user.
func (d *demo) findsTheUser(p *Page) {
	d.t.Helper()
	p.Click(`nav a[href="/users"]`)
	p.Wait(`#found a[rel="next"]`) // there are more than a page of them
	p.Type(`[name="q"]`, sought)
	rows := func(n int) {
		p.until(fmt.Sprintf("%d users are found", n), func() (yes bool, instead string, err error) {
			instead = p.Text("#found")
			return Eval[int](p, `document.querySelectorAll("#found tbody tr").length`) == n, instead, nil
		})
	}
	rows(1)
	p.Type(`[name="country"]`, kb.ArrowDown) // Mexico
	rows(0)
	p.Type(`[name="country"]`, kb.ArrowDown) // the Dominican Republic
	rows(1)
	if shown := p.Text("#found tbody"); !strings.Contains(shown, soughtName) || !strings.Contains(shown, soughtMail) {
		p.t.Errorf("the one who is found is\n%s", shown)
	}
	// Whoever presses the mouse on a link leaves the field with that. If the list were put
	// in place anew then, the link that the mouse is let go on would be another one.
	Eval[bool](p, `window.asked = 0; document.body.addEventListener("htmx:beforeRequest", () => { window.asked++; }); true`)
	p.Click("h1")
	if n := Eval[int](p, "window.asked"); n != 0 {
		p.t.Errorf("leaving the field asks for the list %d times more", n)
	}
	p.Click("#found tbody a")
	p.Wait(".timeline")
	if shown := p.Text("h1"); shown != soughtName {
		p.t.Errorf("the page is headed %q", shown)
	}
}

// onlyReads finds the user as a viewer, for whom nothing is there to press, and tries
// all that the page of an operator would send.
func (d *demo) onlyReads(p *Page, page string) {
	p.t.Helper()
	d.findsTheUser(p)
	if at := p.Address(); at != page {
		p.t.Errorf("the viewer found %s, the operator %s", at, page)
	}
	story := p.Text(".timeline")
	if !strings.Contains(story, "250 2.0.0") {
		p.t.Errorf("the viewer reads\n%s", story)
	}
	if p.Has(".acts") || p.Has("main form") || p.Has("main button") {
		p.t.Errorf("the viewer can press something:\n%s", p.Text("main"))
	}
	p.WantAccessible()
	id := strings.TrimPrefix(page, d.page+"users/")
	for _, act := range []string{"resend", "hold", "release", "mark", "optout", "erase"} {
		status := Eval[int](p, fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({reason: "I may not", force: "1", status: "verified", typed: %q})}).then(r => r.status)`, "/users/"+id+"/"+act, id))
		if status != 403 {
			p.t.Errorf("the viewer's %s is answered %d", act, status)
		}
	}
	p.Visit(page)
	if now := p.Text("main"); strings.Contains(now, "I may not") || !strings.Contains(now, "Pending") {
		p.t.Errorf("the viewer has done something:\n%s", now)
	}
}

// mailResent waits for the mail that was sent by hand, and opens it in the mailbox.
func (d *demo) mailResent(b *Browser) *Page {
	d.t.Helper()
	box := b.Visit(d.t, Look{Width: 1280}, d.mailbox+"?q="+soughtMail)
	nth := 0 // from above, where the newest mail is
	box.until("the mail is in the mailbox", func() (yes bool, instead string, err error) {
		box.Visit(d.mailbox + "?q=" + soughtMail)
		nth = Eval[int](box, fmt.Sprintf(`[...document.querySelectorAll(".mails li")].findIndex(li => li.innerText.includes(%q)) + 1`, resentTitled))
		return nth > 0, box.Text(".mails"), nil
	})
	box.Click(fmt.Sprintf(".mails li:nth-child(%d) a", nth))
	box.Wait("iframe")
	return box
}

// showsTheEnd waits until the page of the user tells how it ended, from the mail that was
// sent by hand to the webhook. Visits come into the ledger a second late.
func (d *demo) showsTheEnd(p *Page, page string) {
	d.t.Helper()
	p.until("the timeline tells all of it", func() (yes bool, instead string, err error) {
		p.Visit(page)
		story := p.Text(".timeline")
		for _, moment := range []string{
			"Sent again by hand by mara", whyResent, "New link was sent",
			"Opened the link of “New link”", "Went on to the verification from “New link”", "A verification was opened",
			"The partner told “VERIFIED_USER”", "The status follows.", "Became verified",
		} {
			if !strings.Contains(story, moment) {
				return false, moment + " is missing in\n" + story, nil
			}
		}
		return true, "", nil
	})
	if shown := p.Text(".badges"); !strings.Contains(shown, "Verified") {
		p.t.Errorf("the user is\n%s", shown)
	}
	p.WantAccessible()
	p.WantNoSideScroll()
}

var shownVerified = regexp.MustCompile(`Verified\s*([\d,]+)`)

// verified is how many of all users are verified, as the overview shows it.
func (d *demo) verified(p *Page) int {
	d.t.Helper()
	p.Visit(d.page)
	found := shownVerified.FindStringSubmatch(p.Text(".funnel"))
	if found == nil {
		p.t.Fatalf("the funnel is\n%s", p.Text(".funnel"))
	}
	n, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}
