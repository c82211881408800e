package browser

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pictures is where pictures of the pages are kept, for the README.
const pictures = "../../docs/images"

// views are the pages that people see. One more page is one more line.
func views() []view {
	return []view{
		{"mailbox", nobody, func(d *demo) string { return d.mailbox }},
		{"mail", nobody, func(d *demo) string { return d.mailOf("luis.echeverria") }},
		{"mailbox-no-mail", nobody, func(d *demo) string { return d.mailbox + "mails/999999" }},
		{"landing", nobody, func(d *demo) string { return d.linkOf("luis.echeverria") }},
		{"landing-business", nobody, func(d *demo) string { return d.linkOf("gerencia") }},
		{"landing-verified", nobody, func(d *demo) string { return d.linkOf("ana.torres") }},
		{"landing-unknown", nobody, func(d *demo) string {
			return d.linkOf("ana.torres")[:len(d.linkOf("ana.torres"))-22] + "AAECAwQFBgcICQoLDA0ODw"
		}},
		{"opt-out", nobody, func(d *demo) string { return strings.Replace(d.linkOf("luis.echeverria"), "/k/", "/u/", 1) }},
		{"provider", nobody, func(d *demo) string { return d.sessionOf("luis.echeverria") }},
		{"provider-done", nobody, func(d *demo) string {
			return strings.Replace(d.decided("yokasta.pena", "verify"), "/session?", "/done?", 1)
		}},
		{"provider-review", nobody, func(d *demo) string { return d.decided("altagracia.jimenez", "upload") }},
		{"provider-over", nobody, func(d *demo) string { return d.decided("ramon.santana", "reject") }},
		{"login", nobody, operatorAt("login")},
		{"overview", operator, operatorAt("")},
		{"overview-viewer", viewer, operatorAt("")},
		{"users", operator, operatorAt("users")},
		{"users-nobody", operator, operatorAt("users?country=DO&q=zoila&status=verified")},
		{"user", operator, operatorAt("users/" + idOf(2))}, // who has gone through the verification above
		{"user-failed", operator, operatorAt("users/" + idOf(7))},
		{"user-viewer", viewer, operatorAt("users/" + idOf(2))},
		{"forecast", operator, operatorAt("forecast")},
		{"attention", operator, operatorAt("attention")},
		{"mails", operator, operatorAt("mails")},
		{"audit", operator, func(d *demo) string {
			d.alta("users", "mark", "finanzas@tostadora.example", "verified", "--reason", "her papers were seen in the branch")
			return d.page + "audit?verify=now"
		}},
		{"nowhere", viewer, operatorAt("nowhere")},
	}
}

// view is one page: its name, who looks at it, and where it is.
type view struct {
	name string
	role role
	at   func(*demo) string
}

// role is what somebody is signed in as.
type role string

const (
	nobody   role = ""
	viewer   role = "viewer"
	operator role = "operator"
)

// operatorAt is a page of the operator's.
func operatorAt(path string) func(*demo) string {
	return func(d *demo) string { return d.page + path }
}

// idOf is the id of the nth sample user.
func idOf(n int) string { return fmt.Sprintf("5a3d0000-0000-4000-8000-%012d", n) }

// looks are a desk and a telephone, by day and by night.
func looks() map[string]Look {
	return map[string]Look{
		"light-1280": {Width: 1280}, "dark-1280": {Width: 1280, Dark: true},
		"light-390": {Width: 390}, "dark-390": {Width: 390, Dark: true},
	}
}

// Every page is fit for a keyboard, a screen reader and weak eyes, and no wider than a
// telephone. With -update its pictures are taken.
func TestEveryPageIsAccessible(t *testing.T) {
	b, d := Start(t), startDemo(t)
	visitors := map[role]*Page{nobody: b.Visit(t, Look{Width: 1280}, d.mailbox), viewer: d.signIn(b, viewer), operator: d.signIn(b, operator)}
	for _, v := range views() {
		t.Run(v.name, func(t *testing.T) {
			address, p := v.at(d), visitors[v.role].For(t)
			for name, look := range looks() {
				p.dress(look)
				p.Visit(address)
				if got := p.Address(); got != address {
					t.Errorf("the page at %s leads to %s", address, got)
				}
				p.WantAccessible()
				p.WantNoSideScroll()
				if *update {
					path := filepath.Join(pictures, v.name+"-"+name+".png")
					if err := os.WriteFile(path, p.Picture(), 0o644); err != nil {
						t.Error(err)
					}
				}
				if p.Unfold() {
					p.WantAccessible()
					p.WantNoSideScroll()
				}
			}
		})
	}
}

// What the audit is for is found.
func TestTheAuditFindsWhatKeepsPeopleOut(t *testing.T) {
	p := Start(t).Visit(t, Look{Width: 390}, "about:blank")
	Eval[bool](p, `document.write("<title>x</title><html lang=en><main><input><p style='width:500px'>wide</p></main>"), true`)
	var found recorder
	p.t = &found
	p.WantAccessible()
	p.WantNoSideScroll()
	if shown := strings.Join(found.errors, "\n"); len(found.errors) != 2 || !strings.Contains(shown, "(label)") || !strings.Contains(shown, "wider than its window") {
		t.Errorf("a field without a label and a wide page are reported as %q", found.errors)
	}
}

// recorder is a test of which only the errors are of interest.
type recorder struct {
	testing.TB
	failed, skipped bool
	errors          []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Fatal(...any)              { r.failed = true }
func (r *recorder) Skip(...any)               { r.skipped = true }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

var (
	mailRow  = regexp.MustCompile(`href="/(mails/\d+)"`)
	mailLink = regexp.MustCompile(`href="(http://[^"]+/k/[\w-]{22})"`)
)

// mailOf is the page of the first mail to the user.
func (d *demo) mailOf(name string) string {
	d.t.Helper()
	rows := mailRow.FindAllStringSubmatch(d.fetch(d.mailbox+"?q="+name), -1)
	if len(rows) == 0 {
		d.t.Fatalf("the mailbox has no mail to %s", name)
	}
	return d.mailbox + rows[len(rows)-1][1]
}

// linkOf is the lasting link in that mail.
func (d *demo) linkOf(name string) string {
	d.t.Helper()
	found := mailLink.FindStringSubmatch(d.fetch(d.mailOf(name)))
	if found == nil {
		d.t.Fatalf("the mail to %s has no link", name)
	}
	return found[1]
}

// sessionOf is where the button behind that link leads.
func (d *demo) sessionOf(name string) string {
	d.t.Helper()
	return d.post(d.linkOf(name), "")
}

// decided is the same, after a button was pressed there.
func (d *demo) decided(name, outcome string) string {
	d.t.Helper()
	session := d.sessionOf(name)
	d.post(session, "outcome="+outcome)
	return session
}

func (d *demo) fetch(address string) string {
	d.t.Helper()
	response, err := http.Get(address)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		d.t.Fatalf("GET: %d, %v", response.StatusCode, err)
	}
	return string(body)
}

// post sends a form and returns where that leads.
func (d *demo) post(address, form string) (next string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		d.t.Fatalf("POST: %d", response.StatusCode)
	}
	return response.Header.Get("Location")
}
