package app

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"alta/internal/sandbox"
)

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
	w.configure(append(slices.Clone(w.base), `schedule.cron = "@every 1s"`, `plan.workers = 4`, `smtp.connections = 4`)...)
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
