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
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/store"
)

// secretWorld is a world with a canary for every secret, which keeps all that
// the program says.
type secretWorld struct {
	*world
	dataKey, token, webhook, dkim string
	links                         map[string]string // of each user
	said                          strings.Builder
	base                          []string // settings
}

func newSecretWorld(t *testing.T) *secretWorld {
	t.Helper()
	w := &secretWorld{
		dataKey: store.NewKey().Reveal(), token: "canary-operator-token-9e41", webhook: "canary-webhook-secret-c0d3",
		links: map[string]string{},
		base: []string{
			`smtp.auth = "plain"`, `smtp.timeout = "1s"`, `capa.timeout = "1s"`, `plan.on_doubt = "hold"`, "plan.workers = 1", "smtp.connections = 1",
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
	c.Env = append(append(c.Env, "ALTA_DATA_KEY="+w.dataKey, "ALTA_OPERATOR_TOKEN="+w.token, "ALTA_WEBHOOK_SECRET="+w.webhook), env...)
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
		"the webhook secret": formsOf(w.webhook), "the data key": append(formsOf(w.dataKey), formsOf(string(rawKey))...),
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

// Whatever goes wrong, and whoever quotes a secret to alta, none shows in
// anything that the program says or leaves behind.
func TestNoSecretShowsWhateverHappens(t *testing.T) {
	t.Parallel()
	w := newSecretWorld(t)
	w.wantSearchToFind()
	scenes := w.scenes()
	w.write("users.csv", csvOf(peopleIn(scenes)))
	w.do("users", "import", "users.csv")
	for _, s := range scenes {
		w.play(s)
	}
	w.configure(w.base...)
	w.smtp.SetFaults()
	w.api.SetFaults()

	w.panics()
	w.misconfigure()
	w.lookAround(scenes)
	w.serveAndDump()
	w.wantNothingOnDisk()
	if len(w.smtp.Mails()) == 0 || len(w.api.Mints()) < len(scenes)/2 {
		t.Errorf("%d mails and %d links went over the wire, so little was proven", len(w.smtp.Mails()), len(w.api.Mints()))
	}
	t.Logf("%d scenes, %d bytes looked through for %d secrets", len(scenes), w.said.Len(), len(w.canaries()))
}

// wantSearchToFind shows that a secret would be found, in each of its forms.
func (w *secretWorld) wantSearchToFind() {
	w.t.Helper()
	for name, forms := range w.canaries() {
		for _, form := range forms {
			probe := &secretWorld{world: &world{t: &silent{TB: w.t}}}
			probe.search("a text", "before "+form+" after", name, forms)
			if !probe.t.Failed() {
				w.t.Errorf("%s is not found as %q", name, form)
			}
		}
	}
	blob := base64.StdEncoding.EncodeToString([]byte("\x00alta\x00" + testPassword))
	if !slices.ContainsFunc(formsOf(testPassword), func(form string) bool { return strings.Contains(folded(blob), folded(form)) }) {
		w.t.Error("the password is not found as AUTH PLAIN sends it")
	}
}

// silent is a test whose failure is no failure.
type silent struct {
	testing.TB
	failed bool
}

func (s *silent) Helper()               {}
func (s *silent) Errorf(string, ...any) { s.failed = true }
func (s *silent) Failed() bool          { return s.failed }

// play makes the scene's user due, and everybody else not.
func (w *secretWorld) play(s secretScene) {
	w.t.Helper()
	w.configure(append(slices.Clone(w.base), s.settings...)...)
	w.api.SetFaults(sandbox.APIFault{Answer: s.answer})
	w.smtp.SetFaults(s.smtp...)
	w.onlyDue(s.user)
	calls, strikes := w.api.Calls(), w.smtp.Strikes()
	args := []string{"run"}
	if strings.HasSuffix(s.user, "0") {
		args = append(args, "--json")
	}
	said := w.do(args...)
	if !strings.Contains(said, s.shows) {
		w.t.Errorf("%s: the run does not say %q:\n%s", s.name, s.shows, said)
	}
	if len(s.smtp) > 0 && w.smtp.Strikes() == strikes || w.api.Calls() == calls && !s.beforeMint {
		w.t.Errorf("%s: it was not met:\n%s", s.name, said)
	}
	if s.doctor {
		w.do("doctor")
	}
}

func (w *secretWorld) onlyDue(user string) {
	w.t.Helper()
	w.change(`DELETE FROM pauses`)
	w.change(`UPDATE deliveries SET due_at = 4102444800000 WHERE state = 'due'`)
	w.change(`UPDATE deliveries SET due_at = 0 WHERE state = 'due' AND user_key = (SELECT key FROM users WHERE id = ?)`, user)
}

// panics makes the program meet a bug in the middle of its work, each time
// somewhere else. Some of them end it, with a dump of all goroutines.
func (w *secretWorld) panics() {
	w.t.Helper()
	points := []string{
		"commit: before#4", "commit: after#5", "http write: before#1", "http read: after#1",
		"smtp write: before#1", "smtp read: after#2", "smtp write: after#4", "smtp read: after#6",
	}
	var people []person
	for i := range points {
		user := fmt.Sprintf("u-bug-%d", i)
		people = append(people, person{id: user, email: user + "@correo.example", name: "Beatriz", country: "MX"})
	}
	w.write("bugs.csv", csvOf(people))
	w.do("users", "import", "bugs.csv")
	for i, point := range points {
		user := people[i].id
		w.onlyDue(user)
		w.api.SetFaults(sandbox.APIFault{User: user, Answer: sandbox.APIAnswer{Link: w.link(user)}})
		said := w.doIn([]string{"GOTRACEBACK=all", "ALTA_PANIC_AT=" + point}, mortalProgram(w.t), "run")
		if !strings.Contains(said, "goroutine ") {
			w.t.Errorf("a bug at %q leaves no stack:\n%s", point, said)
		}
	}
	w.api.SetFaults()
}

// lookAround asks everything that there is to ask.
func (w *secretWorld) lookAround(scenes []secretScene) {
	w.t.Helper()
	for _, s := range scenes {
		w.do("explain", "--json", s.user)
		w.do("users", "show", "--json", s.user)
	}
	for _, command := range []string{
		"status", "status --json", "users list", "users list --json", "users list --csv", "users show u-000",
		"preview --user u-000", "preview --user u-000 --format eml", "preview --step reissue --format txt", "run --dry-run", "run --dry-run --json",
		"resend --failed --reason again --yes --force --limit 3", "resend --failed --reason again --yes --force --json", "resend --doubt --reason again --yes",
		"users mark u-001 verified", "users erase u-002 --reason asked --yes", "nonsense", "users list --nonsense",
		"backup copy.db", "rekey", "rekey --yes", "doctor", "doctor --send-to ana@correo.example",
	} {
		w.do(strings.Fields(command)...)
	}
}

// serveAndDump looks at what the daemon says and serves, and has it print the
// stacks of all goroutines, with mails on the wire.
func (w *secretWorld) serveAndDump() {
	w.t.Helper()
	w.configure(append(slices.Clone(w.base), `schedule.cron = "@every 1s"`, `plan.workers = 4`, `smtp.connections = 4`, `smtp.timeout = "60s"`)...)
	w.change(`DELETE FROM pauses`)
	w.write("more.csv", "id,email,name,country\n"+
		"u-more-1,more1@correo.example,Ana,MX\nu-more-2,more2@correo.example,Ana,DO\nu-more-3,more3@correo.example,Ana,MX\n")
	w.do("users", "import", "more.csv")
	v := w.stopAfter(0)
	c := w.with(w.command("serve"), "GOTRACEBACK=crash")
	// No core: whoever wants one of a daemon gets its secrets.
	c.Args = append([]string{"sh", "-c", `ulimit -c 0 && exec "$@"`, "sh", c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	d := w.launch(c)
	v.wait(w.t, 3)
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/", "/users?" + url.QueryEscape(testKey[:5])} {
		_, body := d.get(path)
		w.keep(path, body)
	}
	d.signal(syscall.SIGQUIT)
	d.wait()
	v.release()
	if dump := d.log.String(); strings.Count(dump, "goroutine ") < 10 || !strings.Contains(dump, "mailer") {
		w.t.Errorf("there is no dump:\n%s", dump)
	}
	w.keep("the daemon", d.log.String())
}

// wantNothingOnDisk looks through every file that the program left.
func (w *secretWorld) wantNothingOnDisk() {
	w.t.Helper()
	files := 0
	canaries := w.canaries()
	check(w.t, filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(path) == "dkim.pem" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for name, forms := range canaries {
			w.search(filepath.Base(path), string(text), name, forms)
		}
		return nil
	}))
	if files < 4 {
		w.t.Errorf("only %d files were looked through", files)
	}
}
