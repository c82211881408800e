package app

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/store"
)

// What may be more after forty further runs: a connection or two that ends a
// moment later, and the noise of the garbage collector.
const (
	moreFiles      = 2
	moreGoroutines = 4
	moreHeap       = 256 << 10 // bytes
	moreResident   = 12 << 20  // bytes, of a whole process
)

// level is what a process holds on to.
type level struct{ files, goroutines, heap int }

func (l level) String() string {
	return fmt.Sprintf("%d files, %d goroutines, %d KiB of heap", l.files, l.goroutines, l.heap>>10)
}

// Fifty runs, with outages, cuts and stalls among them, leave nothing behind,
// whether each opens everything anew or all use the same engine, as the daemon
// does. It must not run beside other tests.
func TestNothingGrowsOverFiftyRuns(t *testing.T) {
	for _, test := range []struct {
		name string
		each bool // run has an engine of its own
	}{
		{"each run opens and closes everything", true},
		{"one engine makes them all", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now, `smtp.timeout = "100ms"`, `capa.timeout = "100ms"`, "smtp.connections = 2",
				`smtp.idle_timeout = "100ms"`, `plan.on_doubt = "hold"`)
			a := &app{
				in: strings.NewReader(""), screen: &screen{out: io.Discard}, getenv: w.getenv, now: w.now,
				defaults: standardConfig(t), configFile: w.path(defaultConfigFile),
			}
			// The collector would close a socket that nobody closed, and hide the leak.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			var after [51]level
			makeRuns := func(from, to int) {
				check(t, a.withEngine(t, func(e *engine) {
					for i := from; i <= to; i++ {
						clock.advance(time.Hour)
						w.trouble(i)
						w.addThree(i)
						a.passOn(t, e)
						e.capa.Close() // its idle connections; it works on
						if !test.each && (i == 10 || i == 50) {
							e.readAtOnce(t)
							after[i] = w.settled(after[10])
						}
					}
				}))
			}
			if test.each {
				for i := 1; i <= 50; i++ {
					makeRuns(i, i)
					if i == 10 || i == 50 {
						after[i] = w.settled(after[10])
					}
				}
			} else {
				makeRuns(1, 50)
			}
			t.Logf("after run 10: %v; after run 50: %v", after[10], after[50])
			if n := w.number(`SELECT count(DISTINCT outcome) FROM attempts`); n < 3 {
				t.Errorf("the runs ended in %d ways only, so little was proven", n)
			}
		})
	}
}

// withEngine opens the ledger, wires an engine, and closes both.
func (a *app) withEngine(t *testing.T, do func(*engine)) error {
	return a.withStore(t.Context(), func(s *store.Store) error {
		e, err := a.newEngine(t.Context(), s)
		check(t, err)
		do(e)
		return e.close()
	})
}

// readAtOnce opens all connections that the ledger keeps for reading.
func (e *engine) readAtOnce(t *testing.T) {
	var reads sync.WaitGroup
	for range 32 {
		reads.Go(func() {
			if _, _, err := e.store.LastSlot(t.Context(), e.now()); err != nil {
				t.Error(err)
			}
		})
	}
	reads.Wait()
}

// passOn makes one run.
func (a *app) passOn(t *testing.T, e *engine) {
	t.Helper()
	lock, err := e.store.LockSoon(t.Context())
	check(t, err)
	_, err = e.run(t.Context(), pass{trigger: store.ByCommand, logged: true})
	check(t, err)
	check(t, lock.Unlock())
}

// trouble lets something else go wrong in each run, and nothing in every sixth.
func (w *world) trouble(run int) {
	w.api.SetFaults()
	w.smtp.SetFaults()
	switch run % 6 {
	case 1:
		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.KeyInvalid()})
	case 2:
		w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut, Nth: 1})
	case 3:
		w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtData, Action: sandbox.SMTPStall, Nth: 1})
	case 4:
		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Action: sandbox.Hang}, Times: 1}, sandbox.APIFault{Answer: sandbox.APIAnswer{Action: sandbox.CutBody}, Times: 1})
	case 5:
		w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 550, Enhanced: "5.7.1", Text: "no", Nth: 2})
	}
}

// addThree takes in three users.
func (w *world) addThree(run int) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for i := range 3 {
		fmt.Fprintf(&b, "u-%d-%d,u%d-%d@correo.example,Ana Torres,%s\n", run, i, run, i, []string{"MX", "DO"}[i%2])
	}
	w.write("more.csv", b.String())
	w.alta(0, "users", "import", w.path("more.csv"))
}

// settled returns what this process holds on to, once what ends by itself has
// ended. With an earlier level it waits for that one, and a bit more at most.
func (w *world) settled(earlier level) (now level) {
	w.t.Helper()
	w.api.SetFaults()
	w.smtp.SetFaults()
	w.smtp.Disconnect() // those that stall, which the sandbox keeps
	w.smtp.Forget()
	still := 0 // measures in a row that found the same; idle connections live for two
	w.eventually("what the runs left behind to be gone", func() bool {
		last := now
		now = level{files: openFiles("self"), goroutines: runtime.NumGoroutine()}
		if earlier == (level{}) {
			still++
			if now != last {
				still = 0
			}
			return still == 8
		}
		return now.files <= earlier.files+moreFiles && now.goroutines <= earlier.goroutines+moreGoroutines
	})
	runtime.GC()
	runtime.GC() // what finalizers let go of in the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now.heap = int(m.HeapAlloc)
	if earlier != (level{}) && now.heap > earlier.heap+moreHeap {
		w.t.Errorf("the heap grew from %d to %d KiB", earlier.heap>>10, now.heap>>10)
	}
	return now
}

// openFiles counts the descriptors of a process; 0 where nobody can tell.
func openFiles(process string) int {
	entries, err := os.ReadDir("/proc/" + process + "/fd")
	if err != nil {
		return 0
	}
	return len(entries)
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

// The real daemon, over two dozen slots with mails and faults.
func TestTheDaemonStaysTheSameSize(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the size of another process can be read on Linux only")
	}
	t.Parallel()
	const early, late = 6, 18
	w := newWorld(t, time.Now, `schedule.cron = "@every 1s"`, `smtp.timeout = "200ms"`, `capa.timeout = "200ms"`, "smtp.connections = 2",
		`smtp.idle_timeout = "100ms"`, `plan.on_doubt = "hold"`)
	w.addThree(0)
	d := w.serve()
	process := strconv.Itoa(d.cmd.Process.Pid)
	runs := func() int {
		return strings.Count(d.log.String(), `"run done"`) + strings.Count(d.log.String(), `"run stopped by an outage`)
	}
	files, size := map[int]int{}, map[int]int{}
	for slot := 1; slot <= late; slot++ {
		w.trouble(slot)
		w.addThree(slot)
		before := runs()
		w.eventually("a slot", func() bool { return runs() > before })
		d.get("/metrics")
		switch slot {
		case early:
			files[slot], size[slot] = openFiles(process), resident(t, process)
		case late:
			w.api.SetFaults()
			w.smtp.SetFaults()
			w.eventually("the connections to end", func() bool {
				files[slot] = openFiles(process)
				return files[slot] <= files[early]+moreFiles
			})
			size[slot] = resident(t, process)
		}
	}
	if size[late] > size[early]+moreResident {
		t.Errorf("the daemon grew from %d to %d KiB", size[early]>>10, size[late]>>10)
	}
	t.Logf("after slot %d: %d files, %d KiB resident; after slot %d: %d files, %d KiB; %d mails",
		early, files[early], size[early]>>10, late, files[late], size[late]>>10, len(w.smtp.Mails()))
	d.signal(syscall.SIGTERM)
	if status := d.wait(); status != 0 {
		t.Errorf("the daemon ends with %d", status)
	}
}

var startsGoroutine = regexp.MustCompile(`(?m)^\s*(go |[^/\n]*\.Go\(|[^/\n]*time\.AfterFunc\(|[^/\n]*context\.AfterFunc\()`)

// Every package that starts goroutines fails its tests when one is left. The
// exceptions: main, whose one waits for a signal as long as the process lives,
// and storetest, whose tests are those of the engines that it tests.
func TestEveryPackageWithGoroutinesLooksForLeaks(t *testing.T) {
	root := filepath.Join("..", "..")
	starts, looks := map[string]bool{}, map[string]bool{}
	check(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") {
			looks[folder] = looks[folder] || strings.Contains(string(text), "goleak.Verify")
		} else {
			starts[folder] = starts[folder] || startsGoroutine.Match(text)
		}
		return nil
	}))
	found := 0
	for folder, does := range starts {
		if !does || folder == root || filepath.Base(folder) == "storetest" {
			continue
		}
		found++
		if !looks[folder] {
			t.Errorf("%s starts goroutines, and none of its tests calls goleak", folder)
		}
	}
	if found < 5 {
		t.Errorf("only %d packages with goroutines were found, so the search finds nothing", found)
	}
}
