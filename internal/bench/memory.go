package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// sampleEvery is how often the memory of a child is looked at.
const sampleEvery = 20 * time.Millisecond

// memory looks at the resident memory of a process until it is stopped.
type memory struct {
	done    chan struct{}
	watcher sync.WaitGroup
	sizes   []int64 // bytes, in time order
}

func watchMemory(pid int) *memory {
	m := &memory{done: make(chan struct{})}
	m.watcher.Go(func() {
		ticks := time.NewTicker(sampleEvery)
		defer ticks.Stop()
		for {
			if size, ok := resident(pid); ok {
				m.sizes = append(m.sizes, size)
			}
			select {
			case <-m.done:
				return
			case <-ticks.C:
			}
		}
	})
	return m
}

// stop returns the most that was seen, and how flat the memory was over time.
func (m *memory) stop() (peak int64, flat float64) {
	close(m.done)
	m.watcher.Wait()
	for _, size := range m.sizes {
		peak = max(peak, size)
	}
	return peak, flatness(m.sizes)
}

// flatness is the peak of the second half as part of the peak of the first one:
// 1 when a process needs no more the longer it runs. Too few samples tell
// nothing, which is 0.
func flatness(sizes []int64) float64 {
	const fewest = 20
	if len(sizes) < fewest {
		return 0
	}
	var first, second int64
	for i, size := range sizes {
		if i < len(sizes)/2 {
			first = max(first, size)
		} else {
			second = max(second, size)
		}
	}
	return float64(second) / float64(max(first, 1))
}

// resident is the resident memory of a process in bytes, as Linux tells it.
func resident(pid int) (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := bytes.Fields(text)
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err == nil && pages > 0
}

// peakOf is the most resident memory that an ended process had. The kernel hands
// the peak of the process that starts another one down to it, so that what lies
// below the bench's own peak is not the child's: there the samples count.
func peakOf(state *os.ProcessState, sampled int64) int64 {
	const unit = 1024 // Linux counts in KiB
	used, ok := state.SysUsage().(*syscall.Rusage)
	var own syscall.Rusage
	if !ok || syscall.Getrusage(syscall.RUSAGE_SELF, &own) != nil || used.Maxrss <= own.Maxrss {
		return sampled
	}
	return used.Maxrss * unit
}
