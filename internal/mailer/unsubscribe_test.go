package mailer

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/internal/sandbox"
	"alta/pipeline"
)

const (
	token       = "AAECAwQFBgcICQoLDA0ODw"
	lastingLink = "https://kyc.banco.example/k/" + token
	optOut      = "https://kyc.banco.example/u/" + token
)

// reminder is a reminder with a lasting link, and with what the Render stage makes of
// it.
func reminder(email string) *pipeline.Delivery {
	d := delivery(email)
	digest := pipeline.DigestTicket(token)
	d.Step, d.Link = pipeline.Reminder, pipeline.Link{URL: pipeline.NewSecret(lastingLink), Ticket: &digest}
	d.Message.Unsubscribe = d.Unsubscribe()
	d.Message.Text, d.Message.HTML = "Hola José:\n\n"+lastingLink+"\n", `<a href="`+lastingLink+`">Verificar</a>`
	return d
}

// A reminder unsubscribes with one click, as RFC 8058, section 3.1, has it, and a
// repeated one is the same.
func TestRemindersUnsubscribeWithOneClick(t *testing.T) {
	m := offline(t)
	raw, err := m.Build(reminder("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Build(reminder("jose@example.com"))
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("a repeated mail differs, error %v", err)
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"List-Unsubscribe": "<" + optOut + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		if diff := cmp.Diff([]string{want}, parsed.Header[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	raw, err = m.Build(delivery("jose@example.com"))
	if err != nil || bytes.Contains(raw, []byte("List-")) {
		t.Errorf("a mail without the address has the field, error %v", err)
	}
}

// The signature covers both fields (RFC 8058, section 4), with a long name of the
// signer, and any change of theirs breaks it.
func TestTheSignatureCoversWhereToUnsubscribe(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("a", 35) + "." + strings.Repeat("b", 34)
	for _, c := range []struct {
		sentence         string
		key              crypto.Signer
		domain, selector string
	}{
		{"RSA", newRSAKey(t), "example.mx", "alta"},
		{"Ed25519", edKey, "example.mx", "alta"},
		{"the longest names", edKey, longest, longest},
		{"the shortest names", edKey, "x", "y"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{})
			cfg := configFor(s)
			cfg.DKIM = &DKIM{Domain: c.domain, Selector: c.selector, Key: c.key}
			m := newMailer(t, cfg)
			for range 2 {
				if _, _, err := send(m, reminder("jose@example.com")); err != nil {
					t.Fatal(err)
				}
			}
			mails := s.Mails()
			if !bytes.Equal(mails[0].Raw, mails[1].Raw) {
				t.Error("a repeated mail is signed differently")
			}
			v, err := verify(mails[0].Raw, c.domain, c.selector, c.key.Public())
			if err != nil {
				t.Fatal(err)
			}
			named := map[string]int{}
			for _, name := range v.HeaderKeys {
				named[name]++
			}
			for _, name := range append(signedFields(), "List-Unsubscribe", "List-Unsubscribe-Post") {
				if named[name] != 2 {
					t.Errorf("the signature names %s %d times", name, named[name])
				}
			}
			for _, change := range [][2]string{{"/u/A", "/u/B"}, {"One-Click", "Two-Click"}, {"List-Unsubscribe: ", "List-Help: "}, {"jose@", "ana@"}, {"Hola", "Adios"}} {
				forged := bytes.Replace(mails[0].Raw, []byte(change[0]), []byte(change[1]), 1)
				if bytes.Equal(forged, mails[0].Raw) {
					t.Fatalf("nothing to change: %q", change[0])
				}
				if _, err := verify(forged, c.domain, c.selector, c.key.Public()); err == nil {
					t.Errorf("%q for %q verifies", change[1], change[0])
				}
			}
		})
	}
}

// An address that would break the header is not written, and the error does not
// tell it.
func TestAddressesToUnsubscribeAt(t *testing.T) {
	for _, c := range []struct {
		sentence, url string
		ok            bool
	}{
		{"One of this program.", optOut, true},
		{"One on this machine, for the demo.", "http://127.0.0.1:8081/u/" + token, true},
		{"One that fills more than a line.", "https://kyc.example/" + strings.Repeat("a", 400) + "/u/" + token, true},
		{"One that no line can hold.", "https://kyc.example/" + strings.Repeat("a", 1000) + "/u/" + token, false},
		{"A line break and a field.", "https://kyc.example/u/\r\nBcc: SECRET@example.org", false},
		{"A bracket that ends it.", "https://kyc.example/u/>SECRET", false},
		{"A comma, which parts addresses.", "https://kyc.example/u/,SECRET", false},
		{"A space.", "https://kyc.example/u/ SECRET", false},
		{"A letter that is not ASCII.", "https://kyc.example/u/SECRETÑ", false},
		{"Something else than a URL of the web.", "mailto:SECRET@example.org", false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := reminder("jose@example.com")
			d.Message.Unsubscribe = pipeline.NewSecret(c.url)
			raw, err := offline(t).Build(d)
			if c.ok {
				parsed, readErr := mail.ReadMessage(bytes.NewReader(raw))
				if err != nil || readErr != nil {
					t.Fatal(err, readErr)
				}
				if got := parsed.Header.Get("List-Unsubscribe"); got != "<"+c.url+">" {
					t.Errorf("List-Unsubscribe: %s", got)
				}
				return
			}
			if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Hold || f.Code != "smtp.header" || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A server that repeats the field gives nothing away: neither what is stored nor
// what is logged has the token.
func TestServersThatRepeatWhereToUnsubscribe(t *testing.T) {
	r := redaction{}.withLink(pipeline.NewSecret(lastingLink))
	for _, reply := range []string{
		"550 5.7.1 List-Unsubscribe: <" + optOut + "> is on a list", "550 refused kyc.banco.example/u/" + token, "550 /u/" + token + " spam", "550 token " + token,
	} {
		if got := r.clean(reply); strings.Contains(got, token) || strings.Contains(got, token[:10]) {
			t.Errorf("%q becomes %q", reply, got)
		}
	}
}
