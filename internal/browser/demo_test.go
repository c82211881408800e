package browser

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	mailboxAt = regexp.MustCompile(`(?m)^Open (http://\S+/) for the mailbox`)
	pageAt    = regexp.MustCompile(`(?m)^Open (http://\S+/) for the operator's page`)
	folder    = regexp.MustCompile(`(?m)^Everything is in (\S+)$`)
	invited   = regexp.MustCompile(`sent: invite (\d+)`)
)

// demo is a running 'alta demo'.
type demo struct {
	t       *testing.T
	program string
	said    lockedBuffer
	mailbox string // its address, with a slash
	page    string // the operator's, likewise
	dir     string
	tokens  map[role]string
}

// lockedBuffer is what a program has said so far.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all of it.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startDemo starts the demo, and ends it with the test as Ctrl-C does.
func startDemo(t *testing.T) *demo {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t, program: program, tokens: map[role]string{}}
	c := exec.Command(program, "demo")
	home := t.TempDir()
	c.Dir, c.Env = home, []string{"HOME=" + home, "TMPDIR=" + home}
	c.Stdout, c.Stderr = &d.said, &d.said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		killer := time.AfterFunc(patience, func() { _ = c.Process.Signal(syscall.SIGKILL) })
		defer killer.Stop()
		if err := c.Wait(); err != nil {
			t.Errorf("alta demo: %v\n%s", err, &d.said)
		}
	})
	d.says(invited)
	d.mailbox, d.page, d.dir = d.says(mailboxAt), d.says(pageAt), d.says(folder)
	return d
}

// says waits until the demo has said it, and returns the first group.
func (d *demo) says(what *regexp.Regexp) string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for {
		if found := what.FindStringSubmatch(d.said.String()); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-ctx.Done():
			d.t.Fatalf("the demo does not say %s:\n%s", what, &d.said)
		case <-ticks.C:
		}
	}
}

// alta runs a command on the demo's ledger and returns what it says.
func (d *demo) alta(args ...string) string {
	d.t.Helper()
	c := exec.CommandContext(d.t.Context(), d.program, append(args, "--config", d.dir+"/config.toml")...)
	c.Env = []string{"HOME=" + d.dir}
	out, err := c.CombinedOutput()
	if err != nil {
		d.t.Fatalf("alta %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// signIn signs somebody in at the operator's page, with the token of that role.
func (d *demo) signIn(b *Browser, as role) *Page {
	d.t.Helper()
	if d.tokens[as] == "" {
		name := map[role]string{viewer: "vera", operator: "mara"}[as]
		said := strings.Fields(d.alta("token", "add", name, "--role", string(as)))
		d.tokens[as] = said[len(said)-1]
	}
	p := b.Visit(d.t, Look{Width: 1280}, d.page)
	p.Type("#token", d.tokens[as])
	p.Click("form.act button")
	p.Wait(`form[action="/logout"]`)
	return p
}
