package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/store"
)

// canaryKey is 32 bytes in base64, and never the key of a ledger.
const canaryKey = "Y2FuYXJ5LWRhdGEta2V5LTMyLWJ5dGVzLWxvbmchISE="

// with runs a command inside this process, with more in its environment, and
// returns its status and all that it printed.
func (w *world) with(env map[string]string, args ...string) (status int, printed string) {
	w.t.Helper()
	var out bytes.Buffer
	a := &app{
		in: strings.NewReader(""), out: &out, screen: &screen{out: &out}, now: w.now, defaults: standardConfig(w.t),
		getenv: func(name string) string {
			if value, ok := env[name]; ok {
				return value
			}
			return w.getenv(name)
		},
	}
	status = a.run(w.t.Context(), append([]string{"--config", w.path(defaultConfigFile)}, args...))
	w.wantNoSecret(out.String())
	if strings.Contains(out.String(), canaryKey) {
		w.t.Fatalf("the key was printed:\n%s", out.String())
	}
	return status, out.String()
}

func (w *world) addAna() {
	w.t.Helper()
	w.alta(0, "users", "add", "--id", "u-ana", "--email", "ana@correo.example", "--name", "Ana Torres", "--country", "MX")
}

func TestTheFirstStart(t *testing.T) {
	const file = "alta.db.key"
	chmod := func(mode os.FileMode) func(*world) {
		return func(w *world) {
			w.write(file, canaryKey+"\n")
			check(w.t, os.Chmod(w.path(file), mode))
		}
	}
	holds := func(text string) func(*world) { return func(w *world) { w.write(file, text) } }
	for _, test := range []struct {
		name    string
		arrange func(*world)
		setting string            // of the configuration; DIR is the world's folder
		env     map[string]string // DIR as above
		status  int
		says    string // DIR as above; "" for not a word about a key
		after   string // the key file afterwards: "made", "kept" or "none"
	}{
		{name: "Without a key file, one is made.", after: "made"},
		{name: "A start that died before the ledger had its key leaves a file that the next one takes.", arrange: holds(canaryKey + "\n"), after: "kept"},
		{name: "The file may be a link to where the key really is.", after: "kept", arrange: func(w *world) {
			w.write("real.key", canaryKey)
			check(w.t, os.Symlink("real.key", w.path(file)))
		}},
		{name: "A link to nowhere is most likely a volume that is missing: no key is made.", status: 2, after: "none",
			says: "the key file DIR/alta.db.key is a link to a file that is not there", arrange: func(w *world) {
				check(w.t, os.Symlink("gone/real.key", w.path(file)))
			}},
		{name: "An empty file is no key.", arrange: holds(""), status: 2, after: "kept", says: "the key file DIR/alta.db.key: a data key is 32 bytes"},
		{name: "A key that was cut off is no key, and is not shown.", arrange: holds(canaryKey[:30]), status: 2, after: "kept", says: "a data key is 32 bytes in base64"},
		{name: "A folder is no key.", status: 2, after: "none", says: `the data key: "DIR/alta.db.key" is not a regular file`, arrange: func(w *world) {
			check(w.t, os.Mkdir(w.path(file), 0o700))
		}},
		{name: "A file that others can read works, with a warning.", arrange: chmod(0o644), after: "kept",
			says: "other users of this machine can use the key file DIR/alta.db.key (mode 0644); 'chmod 600' it"},
		{name: "A credential of systemd shows its access list as group bits: no warning.", arrange: chmod(0o440), after: "kept",
			setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/alta.db.key"`, env: map[string]string{"CREDENTIALS_DIRECTORY": "DIR"}},
		{name: "A credential that is missing is not made.", after: "none", status: 2, says: "the key file DIR/alta.db.key is not there, and alta can't make it",
			setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/alta.db.key"`, env: map[string]string{"CREDENTIALS_DIRECTORY": "DIR"}},
		{name: "A credential without systemd.", after: "none", status: 2, says: "database.key_file: names a file in ${CREDENTIALS_DIRECTORY}, which is not set",
			setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/alta.db.key"`},
		{name: "The folder of the key is not there.", status: 2, after: "none", setting: `database.key_file = "no/such/folder/key"`,
			says: "make the key file DIR/no/such/folder/key: no such file or directory; make it by hand"},
		{name: "The key itself in the place of its file is not repeated.", status: 2, after: "none", setting: `database.key_file = "` + canaryKey + `"`,
			says: "database.key_file: found a data key, expected the path of the file that holds it"},
		{name: "With a key in the environment no file is made.", env: map[string]string{"ALTA_DATA_KEY": canaryKey}, after: "none"},
		{name: "A key in the environment needs no credential.", env: map[string]string{"ALTA_DATA_KEY": canaryKey}, after: "none",
			setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/alta.db.key"`},
		{name: "A bad key in the environment is not shown, and not replaced by a file.", env: map[string]string{"ALTA_DATA_KEY": canaryKey + " " + canaryKey}, status: 2, after: "none",
			says: "the environment variable ALTA_DATA_KEY: a data key is 32 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now)
			in := func(s string) string { return strings.ReplaceAll(s, "DIR", w.dir) }
			w.addAna()
			if test.arrange != nil {
				test.arrange(w)
			}
			if test.setting != "" {
				w.configure(test.setting)
			}
			env := map[string]string{}
			for name, value := range test.env {
				env[name] = strings.ReplaceAll(value, "DIR", w.dir)
			}
			before, _ := os.ReadFile(w.path(file))

			status, printed := w.with(env, "run")
			says := strings.ReplaceAll(strings.ReplaceAll(test.says, "CREDENTIALS_DIRECTORY", "CREDENTIALS_\x00"), "DIR", w.dir)
			says = strings.ReplaceAll(says, "CREDENTIALS_\x00", "CREDENTIALS_DIRECTORY")
			if status != test.status || !strings.Contains(printed, says) {
				t.Errorf("exit status %d, want %d and %q in\n%s", status, test.status, says, printed)
			}
			if test.says == "" && strings.Contains(printed, "key file") {
				t.Errorf("it speaks of the key:\n%s", printed)
			}
			if want := 1 - test.status/2; len(w.smtp.Mails()) != want {
				t.Errorf("%d mails went out, want %d", len(w.smtp.Mails()), want)
			}
			content, err := os.ReadFile(w.path(file))
			got := "none"
			switch {
			case err == nil && bytes.Equal(content, before):
				got = "kept"
			case err == nil:
				got = "made"
				wantMode(t, w.path(file), 0o600)
			}
			if got != test.after {
				t.Errorf("the key file was %s, want %s", got, test.after)
			}
			if litter, _ := filepath.Glob(in("DIR/.alta-key-*")); len(litter) > 0 {
				t.Errorf("left behind: %q", litter)
			}
		})
	}
}

func wantMode(t testing.TB, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	check(t, err)
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, want %04o", filepath.Base(path), got, want)
	}
}

// Whoever comes first makes the key; all others take that one.
func TestManyFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 100 {
		path := filepath.Join(dir, fmt.Sprintf("%d.db", round))
		begin := make(chan struct{})
		var all sync.WaitGroup
		for range 6 {
			s, err := store.Open(t.Context(), path)
			check(t, err)
			a := &app{
				config: &Config{Database: DatabaseConfig{Path: path, KeyFile: path + ".key"}},
				log:    slog.New(slog.DiscardHandler), getenv: emptyEnvironment,
			}
			all.Go(func() {
				<-begin
				if err := errors.Join(a.useKey(t.Context(), fileLedger{s}), s.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		all.Wait()
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".alta-key-*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

// A key that is lost stops who would seal links, and nobody else.
func TestCommandsThatLookNeedNoKey(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	for _, lost := range []bool{false, true} {
		w := newWorld(t, clock.now)
		w.addAna()
		want := map[string]int{"doctor": 0, "rekey": 2}
		if lost {
			w.alta(0, "run")
			check(t, os.Remove(w.path("alta.db.key")))
			want = map[string]int{"doctor": 1, "rekey": 2, "run": 2, "serve": 2}
		}
		w.write("more.csv", "id,email,name,country\nu-luis,luis@correo.example,Luis Ortiz,MX\n")
		for _, command := range []string{
			"status", "users list", "users show u-ana", "explain u-ana", "run --dry-run", "preview", "preview --user u-ana",
			"backup " + w.path("copy.db"), "users import " + w.path("more.csv"), "users mark u-luis verified", "users erase u-luis",
			"doctor", "rekey", "run", "serve",
		} {
			args := strings.Fields(command)
			if !lost && slices.Contains([]string{"run", "serve"}, command) {
				continue // these make the key
			}
			status, printed := w.with(nil, args...)
			if status != want[command] {
				t.Errorf("lost is %v: alta %s: exit status %d, want %d\n%s", lost, command, status, want[command], printed)
			}
			if _, err := os.Lstat(w.path("alta.db.key")); err == nil {
				t.Fatalf("alta %s made a key", command)
			}
			if want[command] == 2 && command != "rekey" && !strings.Contains(printed, "the key file "+w.path("alta.db.key")+" of this ledger is missing; bring back the right one, or 'alta rekey'") {
				t.Errorf("alta %s says\n%s", command, printed)
			}
		}
	}
}

func TestRekey(t *testing.T) {
	const file = "alta.db.key"
	own := func(w *world) string { // the key that the ledger has
		text, err := os.ReadFile(w.path(file))
		check(w.t, err)
		return strings.TrimSpace(string(text))
	}
	for _, test := range []struct {
		name    string
		arrange func(*world) map[string]string // returns more environment
		setting string
		status  int
		says    string // DIR is the world's folder
		then    int    // the exit status of a run afterwards, without that environment
	}{
		{name: "A leaked key is replaced.", says: "The ledger has a new data key, from the key file DIR/alta.db.key"},
		{name: "A lost key is replaced.", arrange: func(w *world) map[string]string {
			check(w.t, os.Remove(w.path(file)))
			return nil
		}, says: "1 links were forgotten"},
		{name: "A file that lost its content is replaced.", arrange: func(w *world) map[string]string {
			w.write(file, "")
			return nil
		}, says: "1 links were forgotten"},
		{name: "What holds no key is not overwritten.", arrange: func(w *world) map[string]string {
			w.write(file, "root:x:0:0:root:/root:/bin/sh\n")
			return nil
		}, status: 2, says: "What holds no data key is not overwritten: move it away", then: 2},
		{name: "A folder is not overwritten.", arrange: func(w *world) map[string]string {
			check(w.t, os.Remove(w.path(file)))
			check(w.t, os.Mkdir(w.path(file), 0o700))
			return nil
		}, status: 2, says: "is not a regular file. What holds no data key is not overwritten", then: 2},
		{name: "A link stays, and what it leads to is replaced.", arrange: func(w *world) map[string]string {
			check(w.t, os.Rename(w.path(file), w.path("real.key")))
			check(w.t, os.Symlink("real.key", w.path(file)))
			w.t.Cleanup(func() {
				if to, err := os.Readlink(w.path(file)); to != "real.key" {
					w.t.Errorf("the link leads to %q (%v)", to, err)
				}
			})
			return nil
		}, says: "1 links were forgotten"},
		{name: "The environment's key is taken; afterwards the file is of no use.", arrange: func(*world) map[string]string {
			return map[string]string{"ALTA_DATA_KEY": canaryKey}
		}, says: "The ledger has a new data key, from ALTA_DATA_KEY", then: 2},
		{name: "The key that leaked is not taken again.", arrange: func(w *world) map[string]string {
			return map[string]string{"ALTA_DATA_KEY": own(w)}
		}, status: 2, says: "ALTA_DATA_KEY holds the key that the ledger has already"},
		{name: "A bad key in the environment is not shown, and no file is made in its place.", arrange: func(*world) map[string]string {
			return map[string]string{"ALTA_DATA_KEY": canaryKey + "x"}
		}, status: 2, says: "ALTA_DATA_KEY: a data key is 32 bytes"},
		{name: "A new credential is taken as it is.", setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/new.key"`, arrange: func(w *world) map[string]string {
			w.write("new.key", canaryKey)
			return map[string]string{"CREDENTIALS_DIRECTORY": w.dir}
		}, says: "The ledger has a new data key, from the key file DIR/new.key", then: 2},
		{name: "A credential with the old key has to be replaced by whoever made it.", setting: `database.key_file = "${CREDENTIALS_DIRECTORY}/alta.db.key"`, arrange: func(w *world) map[string]string {
			return map[string]string{"CREDENTIALS_DIRECTORY": w.dir}
		}, status: 2, says: "holds the key that the ledger has already; put a new one there", then: 2},
		{name: "A folder that can't be written changes nothing.", setting: `database.key_file = "no/such/folder/key"`,
			status: 2, says: "nothing was changed", then: 2},
		{name: "A change that died before the ledger had the new key.", arrange: func(w *world) map[string]string {
			_, err := stageKeyFile(w.path(file), store.NewKey())
			check(w.t, err)
			w.wantRun(0)
			return nil
		}, says: "1 links were forgotten"},
		{name: "A change that died before the new file was in place.", arrange: func(w *world) map[string]string {
			text := store.NewKey()
			_, err := stageKeyFile(w.path(file), text)
			check(w.t, err)
			k, err := store.ParseKey(text)
			check(w.t, err)
			w.inLedger(func(s *store.Store) {
				check(w.t, s.Rekey(w.t.Context(), k, store.Act{Actor: "olga"}, w.now()))
			})
			w.wantRun(2)
			return nil
		}, says: "0 links were forgotten"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now)
			w.addAna()
			w.alta(0, "run")
			old := own(w)
			var env map[string]string
			if test.arrange != nil {
				env = maps.Clone(test.arrange(w))
			}
			if test.setting != "" {
				w.configure(test.setting)
			}
			status, printed := w.with(env, "rekey", "--yes")
			says := strings.ReplaceAll(strings.ReplaceAll(test.says, "CREDENTIALS_DIRECTORY", "\x00"), "DIR", w.dir)
			if status != test.status || !strings.Contains(printed, says) {
				t.Errorf("exit status %d, want %d and %q in\n%s", status, test.status, says, printed)
			}
			w.wantRun(test.then)
			if test.status == 0 && test.then == 0 {
				if own(w) == old {
					t.Error("the key is the old one")
				}
				wantMode(t, w.path(file), 0o600)
				if names, _ := filepath.Glob(w.path("*.new")); len(names) > 0 {
					t.Errorf("left behind: %q", names)
				}
			}
		})
	}
}

func (w *world) wantRun(status int) {
	w.t.Helper()
	if got, printed := w.with(nil, "run"); got != status {
		w.t.Errorf("the run ends with exit status %d, want %d\n%s", got, status, printed)
	}
}

func (w *world) inLedger(do func(*store.Store)) {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), w.path("alta.db"))
	check(w.t, err)
	do(s)
	check(w.t, s.Close())
}

// After a change of the key, a retry gets a fresh link, and a mail in doubt is
// settled by a new one: whoever has the old mail can use its link all the same.
func TestWhatBecomesOfMailsAfterRekey(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	w.addAna()
	w.write("luis.csv", "id,email,name,country\nu-luis,luis@correo.example,Luis Ortiz,MX\n")
	w.alta(0, "users", "import", w.path("luis.csv"))
	w.smtp.SetFaults(
		sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 451, Text: "try again later", Recipient: "ana@correo.example"},
		sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut, Recipient: "luis@correo.example"},
	)
	if r := w.run(1); r.Retry != 1 || r.Doubt != 1 {
		t.Fatalf("the first run: %+v, want a retry and a doubt", r)
	}
	w.smtp.SetFaults()
	out := w.alta(0, "rekey", "--yes")
	if !regexp.MustCompile(`(?m)^2 links were forgotten`).MatchString(out) {
		t.Errorf("it says\n%s", out)
	}
	clock.advance(5 * time.Minute)
	if r := w.run(0); r.Sent != 1 || r.Minted != 2 || r.Cancelled != 1 || r.Retry != 1 {
		t.Errorf("the run after: %+v, want ana's mail with a fresh link, luis's in doubt cancelled and its successor put off by the gap", r)
	}
	clock.advance(24 * time.Hour)
	w.run(0)
	for _, address := range []string{"ana@correo.example", "luis@correo.example"} {
		mails := w.mailsTo(address)
		if len(mails) != 2 {
			t.Fatalf("%s got %d mails, want 2", address, len(mails))
		}
		minted := w.minted("u-" + address[:strings.Index(address, "@")])
		readMail(t, mails[1]).wantLink(t, minted[len(minted)-1])
	}
	if a := w.audited(); !slices.Contains(a, "rekey") {
		t.Errorf("the audit log holds %q", a)
	}
}

// What a process that died left on its way is settled first, as every owner of
// the lock does.
func TestRekeySettlesOrphans(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	w.addAna()
	w.inLedger(func(s *store.Store) {
		run, _, err := s.StartRun(t.Context(), store.ByCommand, time.Time{}, 0, w.now())
		check(t, err)
		b, err := s.Queue(run, store.Everything).Pull(t.Context(), w.now(), 1)
		check(t, err)
		if len(b.Deliveries) != 1 {
			t.Fatalf("%d deliveries were claimed, want 1", len(b.Deliveries))
		}
	})
	w.alta(0, "rekey", "--yes")
	if n := w.number(`SELECT count(*) FROM deliveries WHERE state = 'claimed'`); n != 0 {
		t.Errorf("%d deliveries are still claimed", n)
	}
}

// audited returns what was done by hand to the ledger itself.
func (w *world) audited() (actions []string) {
	w.t.Helper()
	w.inLedger(func(s *store.Store) {
		entries, err := s.Audit(w.t.Context(), "")
		check(w.t, err)
		for _, e := range entries {
			actions = append(actions, e.Action)
		}
	})
	return actions
}
