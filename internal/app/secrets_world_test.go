package app

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/store"
)

// secretWorld is a world with a canary for every secret, which keeps all that
// the program says.
type secretWorld struct {
	*world
	dataKey, token, dkim string
	webhook, previous    string
	events               string
	links                map[string]string // of each user
	said                 strings.Builder
	base                 []string // settings
}

func newSecretWorld(t *testing.T) *secretWorld {
	t.Helper()
	w := &secretWorld{
		dataKey: store.NewKey().Reveal(), token: "canary-operator-token-9e41", webhook: "canary-webhook-secret-c0d3",
		previous: "canary-webhook-0ld-51de", events: "whsec_Y2FuYXJ5LWV2ZW50cy1zZWNyZXQtN2QxYQ==",
		links: map[string]string{},
		base: []string{
			`smtp.auth = "plain"`, `plan.on_doubt = "hold"`, "plan.workers = 1", "smtp.connections = 1",
			`smtp.dkim.domain = "pagoclaro.example"`, `smtp.dkim.selector = "s1"`, `smtp.dkim.key_file = "dkim.pem"`, `templates.dir = "mails"`,
		},
	}
	w.world = newWorld(t, time.Now, w.base...)
	w.makeDKIM()
	check(t, os.MkdirAll(w.path("mails/es-MX"), 0o700))
	w.write("mails/es-MX/invite.txt.tmpl", `{{define "body"}}{{template "opening" .}}
{{if eq .Name "Falla"}}{{index (list) .Link}}{{end}}
{{template "closing" .}}{{end}}`)
	return w
}

func (w *secretWorld) makeDKIM() {
	w.t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	check(w.t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(w.t, err)
	w.dkim = base64.StdEncoding.EncodeToString(der)
	w.write("dkim.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// link is a user's own, known before it is minted.
func (w *secretWorld) link(user string) string {
	if w.links[user] == "" {
		sum := sha256.Sum256([]byte("the link of " + user))
		w.links[user] = "https://kyc.sandbox.example/session?_al=" + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "==&r=a%2Fb"
	}
	return w.links[user]
}

func tokenOf(link string) string {
	_, token, _ := strings.Cut(link, "_al=")
	token, _, _ = strings.Cut(token, "=")
	return token
}

// do runs a command and keeps what it says.
func (w *secretWorld) do(args ...string) string { return w.doIn(nil, program(w.t), args...) }

func (w *secretWorld) doIn(env []string, path string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	c := w.with(w.commandOf(ctx, path, args...), env...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGQUIT) } // so that it says where it hangs
	out, err := c.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		w.t.Fatal(err)
	}
	w.keep("alta "+strings.Join(args, " "), string(out))
	if ctx.Err() != nil {
		w.t.Fatalf("alta %q hangs:\n%s", args, out)
	}
	return string(out)
}

// with gives the command all of the secrets; env wins.
func (w *secretWorld) with(c *exec.Cmd, env ...string) *exec.Cmd {
	c.Env = append(append(c.Env, "ALTA_DATA_KEY="+w.dataKey, "ALTA_OPERATOR_TOKEN="+w.token, "ALTA_WEBHOOK_SECRET="+w.webhook, "ALTA_WEBHOOK_PREVIOUS_SECRET="+w.previous, "ALTA_EVENTS_SECRET="+w.events), env...)
	return c
}

// keep looks through what was said, and keeps it.
func (w *secretWorld) keep(where, text string) {
	w.t.Helper()
	w.said.WriteString(text)
	for name, forms := range w.canaries() {
		w.search(where, text, name, forms)
	}
}

// canaries are the secrets in every form in which they could show.
func (w *secretWorld) canaries() map[string][]string {
	rawKey, err := base64.StdEncoding.DecodeString(w.dataKey)
	check(w.t, err)
	all := map[string][]string{
		"the API key": formsOf(testKey), "the SMTP password": formsOf(testPassword), "the operator's token": formsOf(w.token),
		"the webhook secret": formsOf(w.webhook), "the webhook secret of before": formsOf(w.previous), "the secret of events": formsOf(w.events), "the data key": append(formsOf(w.dataKey), formsOf(string(rawKey))...),
		"the DKIM key": {w.dkim, w.dkim[len(w.dkim)-40:]},
	}
	for user, link := range w.links {
		token := tokenOf(link)
		all["the link of "+user] = append(formsOf(token), token[:12], token[len(token)-12:])
	}
	for _, m := range w.api.Mints() {
		if token := tokenOf(m.Link.Reveal()); token != "" {
			all["a link of "+m.User] = append(all["a link of "+m.User], formsOf(token)...)
		}
	}
	return all
}

// formsOf is the secret as it is, in hexadecimal, in a URL, as the bytes of a
// stack trace, and in base64 at each of the three places in which it may begin
// in a longer text.
func formsOf(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret)), url.QueryEscape(secret), strings.Trim(fmt.Sprintf("%#v", []byte(secret[:8])), "[]byte{}")}
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		if shift > 0 {
			text = text[shift+1:]
		}
		text = strings.TrimRight(text, "=")
		forms = append(forms, text[:len(text)-1])
	}
	return forms
}

// search finds the forms in letters of any case.
func (w *secretWorld) search(where, text, name string, forms []string) {
	w.t.Helper()
	for _, form := range forms {
		if i := strings.Index(folded(text), folded(form)); i >= 0 {
			w.t.Errorf("%s shows %s:\n%q", where, name, text[max(0, i-200):min(len(text), i+len(form)+20)])
			return
		}
	}
}

// folded is the text in lower case, as far as it is ASCII, with every byte in
// its place.
func folded(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
