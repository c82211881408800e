package app

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// servant is "alta serve" as a program of its own.
type servant struct {
	w       *world
	cmd     *exec.Cmd
	log     *logBuffer
	stopped bool
}

// logBuffer keeps what a program writes while it runs.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve starts a daemon.
func (w *world) serve() *servant {
	w.t.Helper()
	return w.launch(w.command("serve"))
}

// launch starts a daemon, or another command that a test talks to while it runs.
// However the test ends, the program ends before it, and its log must hold no
// secret and no address.
func (w *world) launch(c *exec.Cmd) *servant {
	w.t.Helper()
	s := &servant{w: w, cmd: c, log: &logBuffer{}}
	s.cmd.Stderr = s.log
	check(w.t, s.cmd.Start())
	w.t.Cleanup(func() {
		if !s.stopped {
			s.signal(os.Kill)
			s.wait()
		}
		w.wantNoSecret(s.log.String())
		if strings.Contains(s.log.String(), "@correo.example") {
			w.t.Errorf("the log holds an address:\n%s", s.log)
		}
		if w.t.Failed() {
			w.t.Logf("the daemon's log:\n%s", s.log)
		}
	})
	return s
}

// says waits until the daemon has logged the text.
func (s *servant) says(text string) {
	s.w.t.Helper()
	s.w.eventually("the daemon to say "+text, func() bool { return strings.Contains(s.log.String(), text) })
}

func (s *servant) signal(sig os.Signal) {
	s.w.t.Helper()
	check(s.w.t, s.cmd.Process.Signal(sig))
}

// wait returns the exit status; -1 when a signal ended the daemon.
func (s *servant) wait() int {
	s.stopped = true
	_ = s.cmd.Wait() // says again what the status says
	return s.cmd.ProcessState.ExitCode()
}

var served = regexp.MustCompile(`health and metrics are served","address":"([^"]+)"`)

// get asks the operator's listener.
func (s *servant) get(path string) (status int, body string) {
	s.w.t.Helper()
	s.says("health and metrics are served")
	address := served.FindStringSubmatch(s.log.String())[1]
	ctx, cancel := context.WithTimeout(s.w.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	check(s.w.t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	check(s.w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(s.w.t, err)
	return response.StatusCode, string(text)
}

// valve stops mails between their keeping and the server's yes.
type valve struct {
	arrived chan sandbox.Mail
	open    chan struct{}
	once    sync.Once
}

// stopAfter lets the first n mails pass and stops the others until release.
func (w *world) stopAfter(n int) *valve {
	v := &valve{arrived: make(chan sandbox.Mail, 1000), open: make(chan struct{})}
	var mu sync.Mutex
	w.onKept(func(m sandbox.Mail) {
		mu.Lock()
		n--
		pass := n >= 0
		mu.Unlock()
		if pass {
			return
		}
		v.arrived <- m
		<-v.open
	})
	w.t.Cleanup(v.release)
	return v
}

func (v *valve) release() { v.once.Do(func() { close(v.open) }) }

// wait returns once n mails stand in the valve.
func (v *valve) wait(t testing.TB, n int) {
	t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for i := range n {
		select {
		case <-v.arrived:
		case <-limit.C:
			t.Fatalf("only %d of %d mails came in", i, n)
		}
	}
}
