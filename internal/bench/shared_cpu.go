package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postmaster is the process of a PostgreSQL server that all its others come from.
type postmaster int

// clockTick is the unit in which Linux counts CPU time in /proc, for programs on
// every architecture that Go knows.
const clockTick = time.Second / 100

// postmasterOf finds it by the process of a connection.
func postmasterOf(backend int) (postmaster, error) {
	s, err := readProcess(backend)
	if err != nil {
		return 0, fmt.Errorf("find the processes of PostgreSQL: %w", err)
	}
	return postmaster(s.parent), nil
}

// spent is the CPU time of all processes of the server, of those that have ended,
// too. One that ends during the look would count twice or not at all; then it is
// made again.
func (p postmaster) spent() (time.Duration, error) {
	for {
		before, err := readProcess(int(p))
		if err != nil {
			return 0, fmt.Errorf("find the processes of PostgreSQL: %w", err)
		}
		living, err := p.living()
		if err != nil {
			return 0, err
		}
		after, err := readProcess(int(p))
		if err != nil {
			return 0, fmt.Errorf("find the processes of PostgreSQL: %w", err)
		}
		if after.ended == before.ended {
			return after.own + after.ended + living, nil
		}
	}
}

// living is the CPU time of the other processes that the server has now.
func (p postmaster) living() (total time.Duration, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		// One that can't be read has ended meanwhile.
		if s, err := readProcess(pid); err == nil && s.parent == int(p) {
			total += s.own
		}
	}
	return total, nil
}

// process is what Linux tells about one.
type process struct {
	parent int
	own    time.Duration // CPU time
	ended  time.Duration // that of its children that it has waited for
}

func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	return parseProcess(string(text))
}

// parseProcess reads a line as it stands in /proc/PID/stat. Its second field is a
// name, in which anything may stand.
func parseProcess(stat string) (p process, err error) {
	const parent, user, childrenSystem = 1, 11, 14 // counted from the state on
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= childrenSystem {
		return p, fmt.Errorf("the kernel tells of a process in a way that is not known: %q", stat)
	}
	var failed error
	numberAt := func(i int) int {
		n, err := strconv.Atoi(fields[i])
		failed = errors.Join(failed, err)
		return n
	}
	p.parent = numberAt(parent)
	p.own = time.Duration(numberAt(user)+numberAt(user+1)) * clockTick
	p.ended = time.Duration(numberAt(user+2)+numberAt(childrenSystem)) * clockTick
	return p, failed
}
