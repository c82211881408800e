package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	daemonPatience = 30 * time.Second // for it to serve
	daemonWarmUp   = time.Second      // before anything is counted
	everySecond    = "@every 1s"

	defaultEvery = 300 // seconds between two ticks of the default schedule
)

// measureIdle watches a daemon whose schedule does not ring, with a million
// users of whom none is due.
func (b *bench) measureIdle(ctx context.Context) (sample, error) {
	w, err := b.watchDaemon(ctx, yearly)
	if err != nil {
		return nil, err
	}
	return sample{core: 100 * w.cpu.Seconds() / w.wall.Seconds()}, nil
}

// measureTick watches the same daemon with a schedule that rings each second.
// What it spends on top of an idle one is the price of its ticks.
func (b *bench) measureTick(ctx context.Context) (sample, error) {
	w, err := b.watchDaemon(ctx, everySecond)
	if err != nil {
		return nil, err
	}
	ticks := ticksIn(w.log)
	if len(ticks) == 0 {
		return nil, fmt.Errorf("the daemon logged no run:\n%s", tail(string(w.log)))
	}
	return sample{tickTime: ticks.median(), tickCPU: 1e3 * w.cpu.Seconds() / w.wall.Seconds()}, nil
}

// watched is what a daemon did while it was watched.
type watched struct {
	cpu, wall time.Duration
	log       []byte // all of it
}

func (b *bench) watchDaemon(ctx context.Context, cron string) (w watched, err error) {
	folder, err := b.ledger(ctx, ledgerLarge)
	if err != nil {
		return w, err
	}
	config, err := configure(folder, settings{api: nowhereAPI, smtp: nowhereSMTP, hours: anyTime, cron: cron, log: "debug"})
	if err != nil {
		return w, err
	}
	screen, err := os.CreateTemp(b.dir, "serve-*.log")
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, screen.Close(), os.Remove(screen.Name())) }()
	c := b.altaCommand(ctx, config, "serve")
	c.cmd.Stderr = screen
	if err := c.start(); err != nil {
		return w, err
	}
	err = b.watch(ctx, c, screen.Name(), &w)
	_, endErr := c.end()
	log, readErr := os.ReadFile(screen.Name())
	if err := errors.Join(err, endErr, readErr); err != nil {
		return w, fmt.Errorf("%w\n%s", err, tail(string(log)))
	}
	w.log = log
	return w, nil
}

// watch waits until the daemon serves, and then counts what it spends.
func (b *bench) watch(ctx context.Context, c *child, log string, w *watched) error {
	if err := awaitLine(ctx, log, `"msg":"serving"`); err != nil {
		return err
	}
	if err := pause(ctx, daemonWarmUp); err != nil {
		return err
	}
	before, err := spent(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	began := b.now()
	if err := pause(ctx, b.idle); err != nil {
		return err
	}
	after, err := spent(c.cmd.Process.Pid)
	w.cpu, w.wall = after-before, b.now().Sub(began)
	if err == nil && w.cpu <= 0 {
		// It looks at the clock each second, so that one which spends nothing has
		// ended, told to by somebody else.
		err = errors.New("the daemon did not live to the end of the measurement")
	}
	return err
}

func awaitLine(parent context.Context, path, part string) error {
	ctx, cancel := context.WithTimeout(parent, daemonPatience)
	defer cancel()
	for {
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), part) {
			return err
		}
		if err := pause(ctx, sampleEvery); err != nil {
			return fmt.Errorf("waited in vain for %s: %w", part, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// spent is the CPU time of all threads of a process, which Linux keeps to the
// nanosecond where the usual figures count in hundredths of a second. A thread
// that ended is not in it; Go ends none while it idles.
func spent(pid int) (total time.Duration, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		onCPU, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(onCPU, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		total += time.Duration(n)
	}
	if total == 0 {
		return 0, fmt.Errorf("the kernel does not tell what process %d spends", pid)
	}
	return total, nil
}

// ticksIn finds how long each run in the log of a daemon took, in milliseconds:
// from where it begins to where its end is on the disk.
func ticksIn(log []byte) (ticks series) {
	var began time.Time
	for line := range bytes.Lines(log) {
		var entry struct {
			Time    time.Time `json:"time"`
			Message string    `json:"msg"`
		}
		if json.Unmarshal(line, &entry) != nil {
			continue
		}
		switch {
		case entry.Message == "run begins":
			began = entry.Time
		case entry.Message == "run done" && !began.IsZero():
			ticks = append(ticks, float64(entry.Time.Sub(began))/float64(time.Millisecond))
			began = time.Time{}
		}
	}
	return ticks
}
