package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// badDisk is a disk that fails under a ledger, and under nothing else; see
// testdata/dbfault/shim.c.
type badDisk struct {
	errno syscall.Errno
	from  int  // the change of the ledger's files that fails, counted from 1
	lasts bool // so does every later one, until the disk is mended
	haste bool // nobody sleeps, so that a wait for somebody's lock is over at once
}

func (d badDisk) String() string {
	how := "once"
	if d.lasts {
		how = "until it is mended"
	}
	return fmt.Sprintf("%s at change %d, %s", errnoName(d.errno), d.from, how)
}

func errnoName(e syscall.Errno) string {
	return map[syscall.Errno]string{
		syscall.ENOSPC: "ENOSPC", syscall.EIO: "EIO", syscall.EROFS: "EROFS", syscall.EACCES: "EACCES",
	}[e]
}

// The libraries that stand between the program and its disk, each made once for
// all tests.
var (
	compileShim     = sync.OnceValues(func() (string, error) { return compile("shim") })
	compilePowerCut = sync.OnceValues(func() (string, error) { return compile("powercut") })
	compileDiary    = sync.OnceValues(func() (string, error) { return compile("diary") })
)

func compile(name string) (string, error) {
	path := filepath.Join(builtDir, name+".so")
	out, err := exec.Command("cc", "-shared", "-fPIC", "-O2", "-o", path, "testdata/dbfault/"+name+".c", "-ldl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile %s.c: %w\n%s", name, err, out)
	}
	return path, nil
}

// requireShim skips the test where no disk can be made to fail.
func requireShim(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		requireReal(t, "a failing disk is made with LD_PRELOAD on Linux")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		requireReal(t, "a failing disk is made with a C compiler, and there is no cc")
	}
	if _, err := compileShim(); err != nil {
		t.Fatal(err)
	}
}

// on puts the command's ledger on the disk.
func (d badDisk) on(w *world, c *exec.Cmd) {
	w.t.Helper()
	shim, err := compileShim()
	check(w.t, err)
	c.Env = append(c.Env, "LD_PRELOAD="+shim, "SHIM_FILE="+w.path("alta.db"), "SHIM_LOG="+w.path("struck"),
		"SHIM_FROM="+strconv.Itoa(d.from), "SHIM_ERRNO="+strconv.Itoa(int(d.errno)))
	if d.haste {
		c.Env = append(c.Env, "SHIM_HASTE=1")
	}
	if d.lasts {
		c.Env = append(c.Env, "SHIM_WHILE="+w.path("broken"))
	}
}

// breakDisk makes the disk fail that lasts; mendDisk ends it.
func (w *world) breakDisk() { w.write("broken", "") }

func (w *world) mendDisk() { _ = os.Remove(w.path("broken")) }

// struck returns how many changes have failed.
func (w *world) struck() int {
	text, err := os.ReadFile(w.path("struck"))
	if os.IsNotExist(err) {
		return 0
	}
	check(w.t, err)
	return strings.Count(string(text), "\n")
}
