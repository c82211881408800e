package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	postfixFolder = "/usr/sbin" // where Debian has smtp-sink; not on everybody's PATH
	unprivileged  = "nobody"    // whom smtp-sink becomes, which it asks for when root starts it

	sinkTries    = 3
	sinkPatience = 5 * time.Second // for it to listen
	sinkLook     = 5 * time.Millisecond
)

// postfixTool finds a test program of Postfix; "" when it is not there.
func postfixTool(name string) string {
	for _, path := range []string{name, filepath.Join(postfixFolder, name)} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	return ""
}

// startSMTP starts the SMTP server of a measurement.
func (b *bench) startSMTP(ctx context.Context) (server, error) {
	if b.sink == "" {
		return b.startSandbox(ctx, "catcher", catcherTitle, task{})
	}
	var failures error
	for range sinkTries {
		s, err := b.startSink(ctx)
		if err == nil {
			return s, nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, failures
}

const (
	sinkTitle    = "smtp-sink (Postfix)"
	catcherTitle = "the sandbox's catcher (smtp-sink is not there)"
)

// sink is Postfix's smtp-sink.
type sink struct {
	*child
	at    string
	stats *os.File
}

// startSink starts smtp-sink on a port that was free a moment ago; somebody else
// may have taken it since.
func (b *bench) startSink(ctx context.Context) (*sink, error) {
	at, err := freePort()
	if err != nil {
		return nil, err
	}
	stats, err := os.CreateTemp(b.dir, "smtp-sink-*.count")
	if err != nil {
		return nil, err
	}
	args := []string{"-c", "-m", "1024"}
	if os.Geteuid() == 0 {
		args = append(args, "-u", unprivileged)
	}
	s := &sink{child: b.command(ctx, b.sink, append(args, at, "1024")...), at: at, stats: stats}
	s.cmd.Stdout = stats
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.forget())
	}
	if err := s.awaitListening(ctx); err != nil {
		_, endErr := s.end()
		return nil, errors.Join(err, endErr)
	}
	return s, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *sink) awaitListening(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, sinkPatience)
	defer cancel()
	ticks := time.NewTicker(sinkLook)
	defer ticks.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.at)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("smtp-sink does not listen: %w", err)
		case <-ticks.C:
		}
	}
}

func (s *sink) address() string { return s.at }
func (s *sink) name() string    { return sinkTitle }

// lastCount finds the mails in the last line that smtp-sink wrote.
var lastCount = regexp.MustCompile(`mesg=\s*(\d+)\s*$`)

func (s *sink) count() (int, error) {
	const enough = 200 // bytes for the last line of many
	info, err := s.stats.Stat()
	if err != nil {
		return 0, fmt.Errorf("count the mails: %w", err)
	}
	size := info.Size() // it may grow meanwhile
	text := make([]byte, min(size, enough))
	if _, err := s.stats.ReadAt(text, size-int64(len(text))); err != nil {
		return 0, fmt.Errorf("count the mails: %w", err)
	}
	return mailsIn(text)
}

// mailsIn reads the running counters of smtp-sink.
func mailsIn(stats []byte) (int, error) {
	if len(stats) == 0 {
		return 0, nil // no session has ended yet
	}
	found := lastCount.FindSubmatch(stats)
	if found == nil {
		return 0, fmt.Errorf("smtp-sink counted in a way that is not known: %q", tail(string(stats)))
	}
	return strconv.Atoi(string(found[1]))
}

func (s *sink) end() (usage, error) {
	u, err := s.child.end()
	return u, errors.Join(err, s.forget())
}

func (s *sink) forget() error { return errors.Join(s.stats.Close(), os.Remove(s.stats.Name())) }
