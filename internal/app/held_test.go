package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mostConnections is how many connections the ledger may have: one writes and
// four read.
const mostConnections = 1 + 4

// held is what a process holds on to. The connections to the ledger stand apart
// from the files. The ledger opens one more to read when those that it has are
// all in use at one time, and then keeps it, so that their number tells how the
// reads happened to fall and not how many runs there were; it has a bound instead.
type held struct {
	connections int // to the ledger
	files       int // descriptors that belong to none of them
	goroutines  int
	heap        int // bytes
}

// String leaves out what was not measured.
func (h held) String() string {
	if h == (held{}) {
		return "nothing measured"
	}
	s := fmt.Sprintf("%d connections to the ledger, %d other files", h.connections, h.files)
	if h.goroutines > 0 {
		s += fmt.Sprintf(", %d goroutines", h.goroutines)
	}
	if h.heap > 0 {
		s += fmt.Sprintf(", %d KiB of heap", h.heap>>10)
	}
	return s
}

// openNow returns what is open in a process; nothing where nobody can tell. A
// connection to the ledger has two descriptors, the ledger's and its log's. A
// ledger that is open without its log is a file like any other.
func openNow(t testing.TB, process string) (h held) {
	t.Helper()
	names := descriptors(t, process)
	for _, name := range names {
		if strings.HasSuffix(name, ".db-wal") {
			h.connections++
		}
	}
	h.files = len(names) - 2*h.connections
	return h
}

// descriptors returns what each descriptor of a process leads to, in order.
func descriptors(t testing.TB, process string) (names []string) {
	t.Helper()
	folder := filepath.Join("/proc", process, "fd")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // only Linux has that folder
	}
	check(t, err)
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join(folder, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed since the folder was read
		}
		check(t, err)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// heldByName says what is behind the numbers, for a test that found too many.
func heldByName(t testing.TB, process string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "its descriptors lead to\n\t%s\n", strings.Join(descriptors(t, process), "\n\t"))
	if process == self {
		check(t, pprof.Lookup("goroutine").WriteTo(&b, 1))
	}
	return b.String()
}

// self is this process, among those that /proc knows.
const self = "self"

// heapNow returns how much of the heap is in use. The second collection frees
// what finalizers let go of in the first.
func heapNow() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

var residentSize = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory of a process in bytes.
func resident(t *testing.T, process string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + process + "/status")
	check(t, err)
	kib, err := strconv.Atoi(residentSize.FindStringSubmatch(string(text))[1])
	check(t, err)
	return kib << 10
}
