package app

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program builds alta as users do, once for all tests, and returns its path.
func program(t testing.TB) string {
	t.Helper()
	path, err := build()
	check(t, err)
	return path
}

// mortalProgram builds alta with the points at which a test can end it; see
// package crash.
func mortalProgram(t testing.TB) string {
	t.Helper()
	path, err := buildMortal()
	check(t, err)
	return path
}

var (
	build       = sync.OnceValues(func() (string, error) { return goBuild("alta") })
	buildMortal = sync.OnceValues(func() (string, error) { return goBuild("alta-mortal", "-tags", "alta_crash") })
)

func goBuild(name string, flags ...string) (string, error) {
	path := filepath.Join(builtDir, name)
	args := append(append([]string{"build", "-o", path}, flags...), "alta")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// eventually asks until it is so, for three minutes at most: a busy machine takes its
// time, and only a test that fails waits for so long.
func (w *world) eventually(what string, so func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
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

// eventuallyOr is eventually, and logs what there is instead when it has waited
// in vain.
func (w *world) eventuallyOr(instead func() string, what string, so func() bool) {
	w.t.Helper()
	came := false
	defer func() {
		if !came {
			w.t.Log(instead())
		}
	}()
	w.eventually(what, so)
	came = true
}

// trusted is the file with the certificate that programs trust, if it is there.
const trusted = "trusted.pem"

// anyStatus is for a command whose exit status is not at issue.
const anyStatus = -1

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
	if got := c.ProcessState.ExitCode(); got != status && status != anyStatus {
		w.t.Fatalf("alta %q: exit status %d, want %d\n%s%s", args, got, status, out, screen)
	}
	w.wantNoSecret(string(out) + screen)
	return string(out)
}

// command is the program, in the world's folder and with its secrets.
func (w *world) command(args ...string) *exec.Cmd {
	w.t.Helper()
	return w.commandOf(w.t.Context(), program(w.t), args...)
}

// longestCommand is far longer than any command of a test takes. One that hangs then
// says where, and is not waited for until the end of all tests.
const longestCommand = 10 * time.Minute

// commandOf is command for another build of the program, killed when ctx ends.
func (w *world) commandOf(ctx context.Context, path string, args ...string) *exec.Cmd {
	bounded := ctx
	if !soak() {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, longestCommand)
		w.t.Cleanup(cancel)
	}
	c := exec.CommandContext(bounded, path, args...)
	c.Cancel = func() error {
		if ctx.Err() != nil {
			return c.Process.Kill()
		}
		return c.Process.Signal(syscall.SIGQUIT) // the stacks of all its goroutines go to its standard error
	}
	c.WaitDelay = 10 * time.Second
	c.Dir = w.dir
	w.setDatabaseClock()
	c.Env = []string{"ALTA_DATA_KEY=" + w.sharedKey(), "ALTA_CAPA_API_KEY=" + testKey, "ALTA_SMTP_PASSWORD=" + testPassword, "HOME=" + w.dir, "TMPDIR=" + w.dir, "SSL_CERT_FILE=" + w.path(trusted)}
	return c
}
