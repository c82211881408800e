package app

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// program builds alta as users do, once for all tests, and returns its path.
func program(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtDir, "alta")
	if out, err := exec.Command("go", "build", "-o", path, "alta").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build alta: %w\n%s", err, out)
	}
	return path, nil
})

// eventually asks until it is so, for half a minute at most.
func (w *world) eventually(what string, so func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited in vain for %s", what)
		case <-ticks.C:
		}
	}
}

// exec runs a command as a program of its own and wants that exit status. It
// returns what went to standard output.
func (w *world) exec(status int, args ...string) string {
	w.t.Helper()
	c := w.command(args...)
	out, err := c.Output()
	screen := ""
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		screen = string(exit.Stderr)
	} else {
		check(w.t, err)
	}
	if got := c.ProcessState.ExitCode(); got != status {
		w.t.Fatalf("alta %q: exit status %d, want %d\n%s%s", args, got, status, out, screen)
	}
	w.wantNoSecret(string(out) + screen)
	return string(out)
}

// command is the program, in the world's folder and with its secrets.
func (w *world) command(args ...string) *exec.Cmd {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), program(w.t), args...)
	c.Dir = w.dir
	c.Env = []string{"ALTA_CAPA_API_KEY=" + testKey, "ALTA_SMTP_PASSWORD=" + testPassword, "HOME=" + w.dir, "TMPDIR=" + w.dir}
	return c
}
