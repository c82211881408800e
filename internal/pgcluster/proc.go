package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// procStat is what Linux tells everybody about a process. More, like its folder
// or its environment, it does not tell even to root in a usual container.
type procStat struct {
	pid     int
	state   string
	parent  int
	started string // tells two processes apart that had the same id one after the other
}

func readStat(pid int) (procStat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return procStat{}, err
	}
	// The second field is a name, in which anything may stand.
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return procStat{}, fmt.Errorf("read /proc/%d/stat: it holds %q", pid, text)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return procStat{}, err
	}
	return procStat{pid: pid, state: fields[0], parent: parent, started: fields[19]}, nil
}

// childrenOf lists the processes that have this parent.
func childrenOf(parent int) (children []procStat, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// One that can't be read has ended meanwhile.
		if s, err := readStat(pid); err == nil && s.parent == parent {
			children = append(children, s)
		}
	}
	return children, nil
}

// isGone tells whether the process has ended. One for which nobody has waited
// yet holds nothing any more, and in a container it may stay for ever.
func (s procStat) isGone() bool {
	now, err := readStat(s.pid)
	return err != nil || now.started != s.started || now.isZombie()
}

func (s procStat) isZombie() bool { return s.state == "Z" || s.state == "X" }

// isStopped tells whether SIGSTOP has taken effect, or has come too late.
func (s procStat) isStopped() bool { return s.state == "T" || s.state == "t" || s.isZombie() }

// isAlive tells whether a process with this id runs, of whichever user.
func isAlive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	s, err := readStat(pid)
	return err != nil || !s.isZombie()
}
