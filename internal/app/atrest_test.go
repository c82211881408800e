package app

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/store"
)

// With retries, doubts and sent mails behind it, and the ledger open and
// closed, no file that the program leaves on the disk holds a link, and none
// but the key file the key.
func TestNoLinkStandsInAnyFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, `plan.on_doubt = "hold"`)
	people := w.importPeople(12)
	w.smtp.SetFaults(
		sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut, Recipient: people[0].email},
		sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPCut, Recipient: people[1].email},
		sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 451, Text: "greylisted, try again later", Recipient: people[2].email},
		sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 451, Text: "greylisted, try again later", Recipient: people[3].email},
	)
	open, err := store.Open(t.Context(), w.path("alta.db")) // keeps the log from being taken in and removed
	check(t, err)
	w.exec(1, "run")
	w.exec(0, "users", "mark", people[4].id, "verified")
	q := w.status().Queue
	if q.Doubt != 2 || q.Later < 9 || len(w.api.Mints()) != len(people) {
		t.Fatalf("the queue is %+v with %d links minted; the test wants doubts, retries and sent mails", q, len(w.api.Mints()))
	}
	if info, err := os.Stat(w.path("alta.db-wal")); err != nil || info.Size() == 0 {
		t.Fatalf("there is no log to look at: %v", err)
	}
	w.wantNothingInFiles(people[5].email)
	check(t, open.Close())
	w.exec(0, "backup", w.path("copy.db"))
	w.wantNothingInFiles(people[5].email)

	w.smtp.SetFaults()
	w.exec(2, "rekey")
	w.exec(0, "rekey", "--yes")
	w.exec(0, "resend", "--doubt", "--reason", "try", "--yes")
	w.wantNothingInFiles(people[5].email)
}

// wantNothingInFiles looks through every file of the folder. known stands in
// the ledger, which shows that the search finds what is there.
func (w *world) wantNothingInFiles(known string) {
	w.t.Helper()
	key, err := os.ReadFile(w.path("alta.db.key"))
	check(w.t, err)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(key)))
	check(w.t, err)
	keys := []string{strings.TrimSpace(string(key)), string(raw), hex.EncodeToString(raw)}
	links := []string{"kyc.sandbox.example/"}
	for _, m := range w.api.Mints() {
		_, token, _ := strings.Cut(m.Link.Reveal(), "_al=")
		token = strings.TrimRight(token, "=")
		links = append(links, token, base64.StdEncoding.EncodeToString([]byte(m.Link.Reveal())), hex.EncodeToString([]byte(m.Link.Reveal())))
	}
	found := false
	check(w.t, filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if name := filepath.Base(path); name != "users.csv" {
			found = found || strings.Contains(string(content), known)
		}
		for _, s := range links {
			if s == "" || strings.Contains(string(content), s) {
				w.t.Errorf("%s holds %q of a link", filepath.Base(path), s)
			}
		}
		for _, s := range keys {
			if filepath.Base(path) != "alta.db.key" && strings.Contains(string(content), s) {
				w.t.Errorf("%s holds the data key", filepath.Base(path))
			}
		}
		return nil
	}))
	if !found {
		w.t.Errorf("not even %q was found, so the search finds nothing", known)
	}
}

// Whatever umask the program was started with, nobody else can read what it
// writes, and its owner can.
func TestFilesAreTheOwnersAloneWhateverTheUmask(t *testing.T) {
	for _, umask := range []string{"0000", "0022", "0777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, yearly)
			w.write("users.csv", csvOf(sixty()[:2]))
			w.write("more.csv", csvOf(sixty()[2:3]))
			w.under(umask, "users", "import", "users.csv")
			w.under(umask, "run")
			w.under(umask, "backup", "copy.db")
			w.under(umask, "users", "import", "more.csv")
			for _, name := range []string{"alta.db", "alta.db.key", "alta.db.lock", "copy.db"} {
				wantMode(t, w.path(name), 0o600)
			}
			w.under(umask, "rekey", "--yes")
			wantMode(t, w.path("alta.db.key"), 0o600)

			d := w.serveUnder(umask)
			d.says(`"serving"`)
			for _, name := range []string{"alta.db", "alta.db-wal", "alta.db-shm", "alta.db.lock"} {
				wantMode(t, w.path(name), 0o600)
			}
			d.signal(syscall.SIGTERM)
			if status := d.wait(); status != 0 {
				t.Errorf("the daemon ends with %d", status)
			}
			// Copies and spools live in the system's temporary folder, and nothing of
			// them stays.
			w.under(umask, "status")
			left, err := filepath.Glob(w.path("alta-*"))
			check(t, err)
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// masked makes a command start with the umask.
func masked(c *exec.Cmd, umask string) *exec.Cmd {
	c.Args = append([]string{"sh", "-c", `umask "$0" && exec "$@"`, umask, c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	return c
}

func (w *world) under(umask string, args ...string) {
	w.t.Helper()
	if out, err := masked(w.command(args...), umask).CombinedOutput(); err != nil {
		w.t.Fatalf("alta %q: %v\n%s", args, err, out)
	}
}

// serveUnder is serve with the umask.
func (w *world) serveUnder(umask string) *servant {
	w.t.Helper()
	s := &servant{w: w, cmd: masked(w.command("serve"), umask), log: &logBuffer{}}
	s.cmd.Stderr = s.log
	check(w.t, s.cmd.Start())
	w.t.Cleanup(func() {
		if !s.stopped {
			s.signal(os.Kill)
			s.wait()
		}
	})
	return s
}
