package web

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// fakeMails writes the golden mails of package templates, and notes what is sent.
type fakeMails struct {
	content pipeline.Content
	broken  error
	reply   string
	refusal error
	sent    string
}

func (f *fakeMails) Preview(context.Context, MailKind) (pipeline.Content, error) {
	return f.content, f.broken
}

func (f *fakeMails) SendTest(_ context.Context, m MailKind, to string, by Act) (string, error) {
	f.sent = string(m.Step) + " " + string(m.Locale) + " " + to + " " + by.Actor + " " + by.Reason
	return f.reply, f.refusal
}

func (f *fakeMails) Lasting() bool { return true }

func mailsMux(t testing.TB, f *fakeMails, operates bool) (*Pages, http.Handler) {
	m := &MailsPage{operatorPages(t, operates), f}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mails", m.Show)
	mux.HandleFunc("GET /mails/frame", m.Frame)
	mux.HandleFunc("POST /mails/test", m.Test)
	return m.Pages, mux
}

// realMail is one that alta sends.
func realMail(t testing.TB) pipeline.Content {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../../templates/testdata/golden/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return pipeline.Content{Subject: "Nómada Pay: verifica tu identidad", Text: read("es-MX/invite-1.INDIVIDUAL.txt"), HTML: read("es-MX/invite-1.INDIVIDUAL.html")}
}

func TestMailsLook(t *testing.T) {
	for name, tt := range map[string]struct {
		f    *fakeMails
		path string
	}{
		"mails":        {&fakeMails{content: realMail(t)}, "/mails"},
		"mails-text":   {&fakeMails{content: pipeline.Content{Subject: hostile, Text: hostile, HTML: hostile}}, "/mails?step=reminder&locale=es-DO&later=1&show=text"},
		"mails-source": {&fakeMails{content: pipeline.Content{Subject: hostile, Text: hostile, HTML: hostile}}, "/mails?step=reissue&locale=es-MX&show=source"},
		"mails-broken": {&fakeMails{broken: errors.New(hostile)}, "/mails?step=invite&locale=es-MX"},
	} {
		for _, l := range Languages() {
			for _, operates := range []bool{true, false} {
				pages, mux := mailsMux(t, tt.f, operates)
				response, text := browse(t, mux, "GET", tt.path, l, "")
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
				}
				checkHostile(t, text)
				checkActs(t, text, operates && name != "mails-broken")
				if operates {
					goldenPage(t, pages, name+"-"+string(l)+".html", text)
				}
			}
		}
	}
}

// A mail in a frame can do nothing, and shows in the scheme that is asked for.
func TestMailFrame(t *testing.T) {
	_, mux := mailsMux(t, &fakeMails{content: realMail(t)}, true)
	pages := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		response, text := browse(t, mux, "GET", "/mails/frame?step=invite&locale=es-MX&scheme="+scheme, English, "")
		policy := response.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "sandbox", "form-action 'none'", "frame-ancestors 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy lacks %s: %s", want, policy)
			}
		}
		if strings.Contains(text, "prefers-color-scheme") || !strings.Contains(text, "color-scheme: "+scheme) {
			t.Errorf("%s: the browser's preference still counts", scheme)
		}
		pages[scheme] = text
	}
	if pages["light"] == pages["dark"] {
		t.Error("both schemes look the same")
	}
	for _, path := range []string{"/mails/frame?step=invite&locale=es-MX", "/mails/frame?step=x&locale=es-MX&scheme=dark", "/mails?step=invite&locale=fr", "/mails?show=x"} {
		if response, _ := browse(t, mux, "GET", path, English, ""); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
	}
}

func TestTestMail(t *testing.T) {
	fault := &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial", Reason: "the mail server can't be reached"}
	for _, tt := range []struct {
		sentence, form string
		refusal        error
		status         int
		shows, sent    string
	}{
		{"the server's own words are shown", "to=ana@correo.example&reason=look", nil, 200, "250 2.0.0 Ok: queued as &lt;4F3&gt;", "invite es-MX ana@correo.example token:ana look"},
		{"or why it did not go", "to=ana@correo.example&reason=look", fault, 200, "The test for ana@correo.example did not go out.", "invite es-MX ana@correo.example token:ana look"},
		{"an error of alta's own", "to=ana@correo.example&reason=look", errors.New("a bug"), 500, "That did not work", "invite es-MX ana@correo.example token:ana look"},
		{"no reason", "to=ana@correo.example", nil, 400, "Write down why", ""},
		{"an address that is none", "to=ana&reason=look", nil, 400, "That is no e-mail address.", ""},
		{"two addresses", "to=a@x.example,b@x.example&reason=look", nil, 400, "That is no e-mail address.", ""},
		{"an address with a name", "to=Ana+%3Ca@x.example%3E&reason=look", nil, 400, "That is no e-mail address.", ""},
		{"an address with another line", "to=a@x.example%0ABcc:b@x.example&reason=look", nil, 400, "That is no e-mail address.", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			f := &fakeMails{content: realMail(t), reply: "250 2.0.0 Ok: queued as <4F3>", refusal: tt.refusal}
			_, mux := mailsMux(t, f, true)
			response, text := browse(t, mux, "POST", "/mails/test", English, "step=invite&locale=es-MX&"+tt.form)
			if response.StatusCode != tt.status || !strings.Contains(text, tt.shows) {
				t.Errorf("status %d, want %d and %q in\n%s", response.StatusCode, tt.status, tt.shows, text)
			}
			if f.sent != tt.sent {
				t.Errorf("sent %q, want %q", f.sent, tt.sent)
			}
		})
	}
}

func TestLint(t *testing.T) {
	bad := func(c pipeline.Content) (found []string) {
		for _, f := range lint(c) {
			if !f.Good {
				found = append(found, f.Check)
			}
		}
		return found
	}
	good := realMail(t)
	with := func(change func(*pipeline.Content)) pipeline.Content {
		c := good
		change(&c)
		return c
	}
	for _, tt := range []struct {
		sentence string
		content  pipeline.Content
		want     []string
	}{
		{"a mail of alta's own", good, nil},
		{"a page that Gmail clips", with(func(c *pipeline.Content) { c.HTML += strings.Repeat("x", clippedBytes) }), []string{"size"}},
		{"a long subject", with(func(c *pipeline.Content) { c.Subject = strings.Repeat("ñ", 71) }), []string{"subject", "phone"}},
		{"a subject that a phone cuts", with(func(c *pipeline.Content) { c.Subject = strings.Repeat("ñ", 46) }), []string{"phone"}},
		{"a subject that shouts", with(func(c *pipeline.Content) { c.Subject = "VERIFÍCATE AHORA" }), []string{"shouting"}},
		{"an http link", with(func(c *pipeline.Content) { c.HTML += `<a href="HTTP://x">` }), []string{"insecure"}},
		{"an image without a text", with(func(c *pipeline.Content) { c.HTML += `<img src="https://x">` }), []string{"images", "alt"}},
		{"a script", with(func(c *pipeline.Content) { c.HTML += `<SCRIPT>` }), []string{"scripts"}},
		{"a long line", with(func(c *pipeline.Content) { c.Text += strings.Repeat("x ", 50) }), []string{"lines"}},
		{"a link is no long line", with(func(c *pipeline.Content) { c.Text += "https://" + strings.Repeat("x", 100) }), nil},
		{"nothing at all", pipeline.Content{}, []string{"text", "dark", "language"}},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, bad(tt.content)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, l := range Languages() {
		for _, f := range lint(good) {
			if wordsOf(l).Mails.Checks[f.Check] == "" {
				t.Errorf("%s: no words for %s", l, f.Check)
			}
		}
	}
}

func FuzzLint(f *testing.F) {
	f.Add("subject", "text", `<html lang="es"><a href="http://x">`)
	f.Fuzz(func(t *testing.T, subject, text, page string) {
		if n := len(lint(pipeline.Content{Subject: subject, Text: text, HTML: page})); n != 13 {
			t.Errorf("%d findings", n)
		}
		inScheme(page, Dark)
	})
}
