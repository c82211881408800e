package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
)

func openMailbox(t *testing.T, mails ...sandbox.Mail) *sandbox.Mailbox {
	t.Helper()
	box, err := sandbox.OpenMailbox(sandbox.MailboxOptions{Mails: func() []sandbox.Mail { return mails }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

func mailTo(address, subject string) sandbox.Mail {
	const form = "From: Acme <hola@acme.example>\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHola <Ana>: https://kyc.example/k/AB?a=1&b=2. Otra: https://kyc.example/k/AB?a=1&b=2\r\n" +
		"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head><title>t</title></head><body><script>alert(1)</script><a href=\"https://kyc.example/k/AB\">Ir</a></body></html>\r\n--x--\r\n"
	return sandbox.Mail{To: []string{address}, At: apiNoon, Raw: fmt.Appendf(nil, form, address, subject)}
}

// The list is newest first, in pages, of whom the search names.
func TestMailboxLists(t *testing.T) {
	var mails []sandbox.Mail
	for i := range 120 {
		mails = append(mails, mailTo(fmt.Sprintf("user%d@correo.example", i%2), fmt.Sprintf("Mail-%03d", i+1)))
	}
	box := openMailbox(t, mails...)
	for _, c := range []struct {
		sentence, query string
		first, last     string
		n               int
		heading         string
	}{
		{"All of them.", "", "Mail-120", "Mail-071", 50, "120 mails"},
		{"The page after.", "?page=1", "Mail-070", "Mail-021", 50, "120 mails"},
		{"The last page.", "?page=2", "Mail-020", "Mail-001", 20, "120 mails"},
		{"One address, in capitals.", "?q=USER1", "Mail-120", "Mail-022", 50, "60 mails"},
		{"A part of no address.", "?q=%3Cscript%3E", "", "", 0, "0 mails"},
		{"A page that is none.", "?page=-7", "Mail-120", "Mail-071", 50, "120 mails"},
	} {
		r := reach(t, "GET", box.URL()+"/"+c.query, "")
		rows := strings.Split(r.body, "<li>")[1:]
		if r.status != http.StatusOK || len(rows) != c.n || !strings.Contains(r.body, c.heading) || strings.Contains(r.body, "<script>") {
			t.Errorf("%s %d, %d rows\n%s", c.sentence, r.status, len(rows), r.body)
			continue
		}
		if c.n > 0 && (!strings.Contains(rows[0], c.first) || !strings.Contains(rows[c.n-1], c.last)) {
			t.Errorf("%s from\n%s to\n%s", c.sentence, rows[0], rows[c.n-1])
		}
	}
}

// A mail is shown with its parts. Its HTML stands in a frame of its own, where no script
// runs, nothing is loaded, and links open pages of their own.
func TestMailboxShowsAMail(t *testing.T) {
	mail := mailTo("ana@correo.example", "Hola <b>")
	box := openMailbox(t, mail)
	page := reach(t, "GET", box.URL()+"/mails/1", "")
	for _, want := range []string{
		"Hola &lt;b&gt;", "Hola &lt;Ana&gt;", "MIME-Version: 1.0",
		`<iframe title="The mail as a mail program shows it" src="/mails/1/html" sandbox="allow-popups allow-popups-to-escape-sandbox">`,
		`<a href="https://kyc.example/k/AB?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">`,
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the mail's page has no %q:\n%s", want, page.body)
		}
	}
	if n := strings.Count(page.body, `target="_blank"`); n != 1 {
		t.Errorf("%d links, want the one once", n)
	}
	frame := reach(t, "GET", box.URL()+"/mails/1/html", "")
	if !strings.Contains(frame.body, `<head><base target="_blank"><title>`) {
		t.Errorf("the frame is\n%s", frame.body)
	}
	policy := frame.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ") || strings.Contains(policy, "script") {
		t.Errorf("the frame's policy is %q", policy)
	}
	if eml := reach(t, "GET", box.URL()+"/mails/1/eml", ""); eml.body != string(mail.Raw) || eml.header.Get("Content-Type") != "message/rfc822" {
		t.Errorf("the source is %q", eml.body)
	}
	for _, n := range []string{"0", "2", "-1", "x", "1.0"} {
		for _, part := range []string{"", "/html", "/eml"} {
			if r := reach(t, "GET", box.URL()+"/mails/"+n+part, ""); r.status != http.StatusNotFound {
				t.Errorf("mail %s%s: %d", n, part, r.status)
			}
		}
	}
}

// A mail that can't be read is no reason not to show what came.
func TestMailboxShowsWhatCannotBeRead(t *testing.T) {
	box := openMailbox(t, sandbox.Mail{To: []string{"ana@correo.example"}, Raw: []byte("Subject: x\r\n\r\nno parts"), At: time.Now()}, sandbox.Mail{Raw: []byte("\x00")})
	for _, path := range []string{"/", "/mails/1", "/mails/1/html", "/mails/2", "/mails/2/html", "/mails/2/eml"} {
		if r := reach(t, "GET", box.URL()+path, ""); r.status != http.StatusOK {
			t.Errorf("%s: %d\n%s", path, r.status, r.body)
		}
	}
	if _, err := sandbox.OpenMailbox(sandbox.MailboxOptions{}); err == nil {
		t.Error("a mailbox without mails was opened")
	}
}
