package pgcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSweep(t *testing.T) {
	parent := t.TempDir()
	dead, alive := 1<<30, os.Getpid() // no system has so many processes
	for name, pid := range map[string]int{
		"alta-pg-1": dead, "alta-pg-alive": alive, "alta-pg-locked": dead, "other-1": dead,
	} {
		leave(t, filepath.Join(parent, name), fmt.Sprintf("%d\n/somewhere\n", pid))
	}
	leave(t, filepath.Join(parent, "alta-pg-2"), "") // killed before its server ran
	if err := os.Mkdir(filepath.Join(parent, "alta-pg-empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(parent, "other-1"), filepath.Join(parent, "alta-pg-link")); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Open(filepath.Join(parent, "alta-pg-locked"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}

	sweep(parent, account{})

	entries, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := "alta-pg-alive alta-pg-empty alta-pg-link alta-pg-locked other-1"
	if got := strings.Join(left, " "); got != want {
		t.Errorf("it left %s, want %s", got, want)
	}
}

func TestLogTailHoldsWholeLines(t *testing.T) {
	f, err := newFolder(os.TempDir(), account{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.remove(); err != nil {
			t.Error(err)
		}
	}()
	if got := f.logTail(); got != "" {
		t.Errorf("without a log it is %q", got)
	}
	const line = "one line of many\n"
	if err := os.WriteFile(f.log(), []byte(strings.Repeat(line, 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := f.logTail()
	if rest := strings.ReplaceAll(got, line, ""); got == "" || len(got) > 16<<10 || rest != "" {
		t.Errorf("it has %d bytes, and %q is no line", len(got), rest)
	}
}

func TestClosedFolderIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as somebody else")
	}
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.MkdirAll(filepath.Join(closed, "open"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = newFolder(filepath.Join(closed, "open"), who)
	if err == nil || !strings.Contains(err.Error(), closed+" is closed to the user "+who.name) {
		t.Errorf("got the error %v", err)
	}
}

// leave makes a folder as a server leaves it that is killed.
func leave(t *testing.T, path, pidFile string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if pidFile == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(path, "data", "postmaster.pid"), []byte(pidFile), 0o600); err != nil {
		t.Fatal(err)
	}
}
