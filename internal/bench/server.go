package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// server is the other side of a measurement: a process of its own that counts
// what it served.
type server interface {
	address() string
	count() (int, error) // mails or mints so far
	end() (usage, error) // also what the process took
	name() string        // as the table shows it
}

// sandboxServer is a part of alta's sandbox as a process of its own.
type sandboxServer struct {
	*child
	title   string
	at      string
	answers *bufio.Reader
}

func (b *bench) startSandbox(ctx context.Context, role, title string, t task) (*sandboxServer, error) {
	c, err := b.role(ctx, role, t)
	if err != nil {
		return nil, err
	}
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = stdin
	c.cmd.Stdout = nil
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	s := &sandboxServer{child: c, title: title, answers: bufio.NewReader(stdout)}
	if s.at, err = s.line(); err != nil {
		_, endErr := s.end()
		return nil, errors.Join(fmt.Errorf("start %s: %w", title, err), endErr)
	}
	return s, nil
}

func (s *sandboxServer) address() string { return s.at }
func (s *sandboxServer) name() string    { return s.title }

func (s *sandboxServer) count() (int, error) {
	if _, err := fmt.Fprintln(s.stdin, askCount); err != nil {
		return 0, fmt.Errorf("ask %s: %w", s.title, err)
	}
	text, err := s.line()
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", s.title, err)
	}
	return strconv.Atoi(text)
}

func (s *sandboxServer) line() (string, error) {
	text, err := s.answers.ReadString('\n')
	return strings.TrimSpace(text), err
}

// end closes the server's input, which is its sign to end.
func (s *sandboxServer) end() (usage, error) {
	closeErr := s.stdin.Close()
	_, readErr := io.Copy(io.Discard, s.answers)
	u, err := s.wait()
	return u, errors.Join(closeErr, readErr, err)
}

// playAPI is the simulated partner API.
func playAPI(t task, now pipeline.Clock) (err error) {
	latency := time.Duration(0)
	if t.Latency != "" {
		if latency, err = time.ParseDuration(t.Latency); err != nil {
			return err
		}
	}
	api, err := sandbox.StartAPI(sandbox.APIOptions{Now: now, AnyUser: true, Latency: latency})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	return serveCounts(api.URL(), api.Calls)
}

// playCatcher is the SMTP server where smtp-sink is not there.
func playCatcher(now pipeline.Clock) (err error) {
	var caught atomic.Int64
	catcher, err := sandbox.StartSMTP(sandbox.SMTPOptions{Now: now, OnMail: func(sandbox.Mail) { caught.Add(1) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catcher.Close()) }()
	host, port := catcher.Addr()
	return serveCounts(fmt.Sprintf("%s:%d", host, port), func() int {
		catcher.Forget() // between two measurements, so that their memory is free again
		return int(caught.Load())
	})
}
