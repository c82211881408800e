package app

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// pageBrowser is a browser on the operator's page of a daemon.
type pageBrowser struct {
	t      testing.TB
	base   string
	client *http.Client
}

func (s *servant) browser(token string) pageBrowser {
	s.w.t.Helper()
	s.says("health and metrics are served")
	jar, err := cookiejar.New(nil)
	check(s.w.t, err)
	b := pageBrowser{s.w.t, "http://" + served.FindStringSubmatch(s.log.String())[1], &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second,
	}}
	if status, text := b.post("/login", "token", token); status != http.StatusOK || !strings.Contains(text, `action="/logout"`) {
		s.w.t.Fatalf("signing in is answered %d: %s", status, text)
	}
	return b
}

func (b pageBrowser) get(path string) (status int, text string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	check(b.t, err)
	return b.send(r)
}

// post sends a form, of names and values, and follows the redirect.
func (b pageBrowser) post(path string, fields ...string) (status int, text string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	check(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

func (b pageBrowser) send(r *http.Request) (int, string) {
	b.t.Helper()
	response, err := b.client.Do(r)
	check(b.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(b.t, err)
	return response.StatusCode, string(text)
}

func (b pageBrowser) shows(path string, want ...string) {
	b.t.Helper()
	status, text := b.get(path)
	for _, w := range want {
		if status != http.StatusOK || !strings.Contains(text, w) {
			b.t.Errorf("%s is answered %d, without %q:\n%s", path, status, w, text)
		}
	}
}

// What an operator sees and does on the page of a daemon that serves: users, a run at
// once, what failed and its resend, a test mail, and how the daemon stops beside a
// page that follows it.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	const token = "alta_the-operators-own"
	w := newWorld(t, time.Now, yearly, `operator.token_file = "token"`)
	w.write("token", token)
	people := w.importPeople(10)
	w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 550, Enhanced: "5.1.1", Text: "no such user", Recipient: people[0].email})
	d := w.serve()
	b := d.browser(token)

	b.shows("/", "10 users", "No run is under way.", "Mexico", "Dominican Republic")
	b.shows("/forecast?at=2026-01-01T00:00", "10 mails", people[1].email)
	b.shows("/attention", "Nothing waits for you")
	for _, mail := range []string{"step=invite&locale=es-MX", "step=reminder&locale=es-DO&later=1", "step=reissue&locale=es-MX&lasting=1"} {
		b.shows("/mails?"+mail, "Pago Claro", "Send the test")
		b.shows("/mails/frame?scheme=dark&"+mail, "Pago Claro")
	}

	// Nothing waits for the schedule.
	if status, text := b.post("/outage/try", "reason", "the server is back"); status != http.StatusOK || !strings.Contains(text, "A run has begun.") {
		t.Fatalf("a try is answered %d: %s", status, text)
	}
	w.eventually("the mails to arrive", func() bool { return len(w.smtp.Mails()) == 9 })
	w.eventually("the run to end", func() bool {
		_, text := b.get("/")
		return strings.Contains(text, "By hand") && strings.Contains(text, "Some not sent")
	})
	b.shows("/attention", "The address takes no mail", "1 user")
	status, text := b.post("/attention/act", "state", "failed", "code", "smtp.5.1.1", "country", string(people[0].country), "do", "resend", "reason", "asked", "user", people[0].id)
	if status != http.StatusOK || !strings.Contains(text, "Done for 1 user.") {
		t.Errorf("a resend is answered %d: %s", status, text)
	}
	if status, text = b.post("/mails/test", "step", "invite", "locale", "es-MX", "to", "ops@correo.example", "reason", "a look"); status != http.StatusOK || !strings.Contains(text, "250 ") {
		t.Errorf("a test is answered %d: %s", status, text)
	}

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/events", nil)
	check(t, err)
	stream, err := b.client.Do(r)
	check(t, err)
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && lines.Text() != "event: show" {
	}
	d.signal(syscall.SIGTERM)
	if status := d.wait(); status != 0 {
		t.Errorf("exit status %d beside a page that follows", status)
	}
	audit := w.exec(0, "audit", "list")
	for _, reason := range []string{"asked", "a look"} { // without an outage there was none to probe
		if !strings.Contains(audit, reason) {
			t.Errorf("the audit log lacks %q: %s", reason, audit)
		}
	}
}
