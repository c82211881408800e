package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"alta/pipeline"
)

// endPatience is how long a child may take to end after it was told to.
const endPatience = 15 * time.Second

// child is a process that the bench started. Whoever started it waits for it.
type child struct {
	cmd     *exec.Cmd
	now     pipeline.Clock
	started time.Time
	stdin   io.WriteCloser // nil unless asked for
	out     bytes.Buffer   // standard output, unless it goes elsewhere
	screen  bytes.Buffer   // standard error, unless it goes elsewhere
	memory  *memory
}

// usage is what a process took.
type usage struct {
	wall time.Duration // from its start to its end
	cpu  time.Duration // user and system
	peak int64         // resident bytes
	flat float64       // the peak of its second half, as part of the peak of its first; 0 when it was too short
}

// command is a process to start.
func (b *bench) command(ctx context.Context, path string, args ...string) *child {
	c := &child{cmd: exec.CommandContext(ctx, path, args...), now: b.now}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.screen
	// Ctrl-C is for the bench, which ends its children in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = endPatience
	return c
}

// role is this program once more, as something else.
func (b *bench) role(ctx context.Context, name string, t task) (*child, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return b.command(ctx, b.self, roleArgument, name, string(text)), nil
}

// run starts the process and waits for its end, which must be a good one.
func (c *child) run() (usage, error) {
	if err := c.start(); err != nil {
		return usage{}, err
	}
	return c.wait()
}

func (c *child) start() error {
	c.started = c.now()
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name(), err)
	}
	c.memory = watchMemory(c.cmd.Process.Pid)
	return nil
}

func (c *child) wait() (usage, error) {
	err := c.cmd.Wait()
	u := usage{wall: c.now().Sub(c.started)}
	sampled, flat := c.memory.stop()
	u.peak, u.flat = sampled, flat
	if state := c.cmd.ProcessState; state != nil {
		u.cpu = state.UserTime() + state.SystemTime()
		u.peak = peakOf(state, sampled)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", c.name(), err, tail(c.screen.String()+c.out.String()))
	}
	return u, err
}

// end tells the process to end, and waits. One that ends by that signal ends
// well.
func (c *child) end() (usage, error) {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return usage{}, fmt.Errorf("end %s: %w", c.name(), err)
	}
	u, err := c.wait()
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGTERM {
		err = nil
	}
	return u, err
}

// decode reads the JSON that the process printed.
func (c *child) decode(v any) error {
	if err := json.Unmarshal(c.out.Bytes(), v); err != nil {
		return fmt.Errorf("read the answer of %s: %w\n%s", c.name(), err, tail(c.out.String()))
	}
	return nil
}

func (c *child) name() string {
	words := c.cmd.Args[1:]
	return c.cmd.Args[0] + " " + strings.Join(words[:min(len(words), 2)], " ")
}

// tail is the end of what a program said.
func tail(s string) string {
	const most = 2000
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}
