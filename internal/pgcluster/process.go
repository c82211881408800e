package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a server that runs, and the goroutine that waits for its end.
type process struct {
	handle *os.Process
	exited chan struct{}
	err    error // how it ended; not to be read before exited is closed
}

// launch starts the command, which interrupts itself when this process dies.
//
// The kernel ties that to the thread that started the command, and Go ends
// threads as it sees fit: the server would be interrupted in the midst of a test.
// So the goroutine that starts it keeps its thread until the server has ended.
func launch(command *exec.Cmd) (*process, error) {
	dieWithParent(command.SysProcAttr, syscall.SIGINT)
	p := &process{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		p.handle = command.Process
		started <- err
		if err != nil {
			return
		}
		p.err = command.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run runs a command that ends by itself, and returns an error with its output.
func run(ctx context.Context, command *exec.Cmd) error {
	runtime.LockOSThread() // the death of the thread would be that of the command, as in launch
	defer runtime.UnlockOSThread()
	dieWithParent(command.SysProcAttr, syscall.SIGKILL)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // it was killed for that
		}
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

// hasExited tells whether the server has ended.
func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// ending is how the server ended, which is an error even where it calls it none.
func (p *process) ending() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0")
}

// shutDown ends the server the fast way: it breaks its connections off, writes
// what it holds to disk and leaves nothing behind.
func (p *process) shutDown(ctx context.Context) error {
	if err := p.handle.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crash ends all processes of the server at once and waits until they are gone.
func (p *process) crash() error {
	if p.hasExited() {
		return nil
	}
	// Its children are in sessions of their own, and those of a dead parent can't
	// be told from others. A stopped parent has no more of them.
	var children []procStat
	err := p.handle.Signal(syscall.SIGSTOP)
	if err == nil {
		err = poll(func() bool {
			s, err := readStat(p.handle.Pid)
			return err != nil || s.isStopped()
		})
	}
	if err == nil {
		children, err = childrenOf(p.handle.Pid)
	}
	err = errors.Join(err, p.handle.Kill())
	if errors.Is(err, os.ErrProcessDone) {
		err = nil // it has ended at this moment, and its children do when they see that
	}
	for _, child := range children {
		_ = syscall.Kill(child.pid, syscall.SIGKILL) // it may have ended already
	}
	<-p.exited
	for _, child := range children {
		err = errors.Join(err, poll(child.isGone))
	}
	return err
}

// poll waits for what nothing tells of: the end of another process's child.
func poll(done func() bool) error {
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			return errors.New("a process of the server did not obey a signal within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}
