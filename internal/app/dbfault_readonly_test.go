package app

import (
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A ledger that may be read and not written: nobody is mailed, the reason is
// said, and once it may be written all goes on.
func TestAReadOnlyLedgerMailsNobody(t *testing.T) {
	requireShim(t)
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.EACCES} {
		t.Run(errnoName(errno), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, quietPlan(2)...)
			people := w.importPeople(6)
			w.breakDisk()
			c := w.command("run")
			badDisk{errno: errno, from: 1, lasts: true}.on(w, c)
			run := w.launch(c)
			if status := run.wait(); status != exitOutage || !plainWords.MatchString(run.log.String()) {
				t.Errorf("exit status %d and %q", status, run.log)
			}
			if n := w.transactions(); n > 0 {
				t.Errorf("%d mails were begun", n)
			}
			w.exec(0, "run")
			w.wantOneMailEach(people)
		})
	}
}

// Real file systems, where alta's own files fail too: the lock, and the key that
// is made at the first start.
func TestRealFileSystemsThatCanNotBeWritten(t *testing.T) {
	for _, test := range []struct {
		name    string
		started bool // a run was made before
		mount   string
	}{
		{"A read-only file system.", true, readOnly},
		{"A read-only file system, before the first run.", false, readOnly},
		{"A full disk.", true, fullDisk},
		{"A full disk, before the first run.", false, fullDisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, quietPlan(2)...)
			if test.started {
				w.exec(0, "run")
			}
			w.importPeople(6)
			run := w.launch(w.mounted(t, test.mount))
			if status := run.wait(); status != exitOutage {
				t.Errorf("exit status %d, want 3", status)
			}
			if said := run.log.String(); !reason.MatchString(said) || strings.Contains(said, "goroutine") || strings.Count(said, "\n") > 1 {
				t.Errorf("it says %q", said)
			}
			if n := w.transactions(); n > 0 {
				t.Errorf("%d mails were begun", n)
			}
		})
	}
}

var reason = regexp.MustCompile(`the database can't be written|the disk is full|must be writable|no space left|read-only file system`)

// readOnly and fullDisk go on with a copy of the world's files on a file system
// that can't be written, and on one that has not a byte left.
const (
	readOnly = copied + "mount -o remount,ro ."
	fullDisk = copied + "cat /dev/zero > filler || true"
	copied   = "mkdir disk; mount -t tmpfs -o size=2M tmpfs disk; cp alta.* config.toml disk; cd disk; "
)

// mounted is 'alta run' behind a mount that only it sees. Where this machine
// lets nobody mount, the shim's tests have to do.
func (w *world) mounted(t *testing.T, mount string) *exec.Cmd {
	t.Helper()
	unshare := []string{"-m"}
	if exec.Command("unshare", "-m", "true").Run() != nil {
		unshare = []string{"-Urm"}
	}
	probe := append(append([]string{}, unshare...), "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /tmp")
	if out, err := exec.Command("unshare", probe...).CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody mount a file system of his own: %v %s", err, out)
	}
	c := w.command("run")
	script := "set -e; (" + mount + ") 2> /dev/null; cd disk; exec " + c.Path + " run"
	c.Args = append(append([]string{"unshare"}, unshare...), "sh", "-c", script)
	var err error
	c.Path, err = exec.LookPath("unshare")
	check(t, err)
	return c
}
