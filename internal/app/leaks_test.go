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
				in: strings.NewReader(""), out: io.Discard, screen: &screen{out: io.Discard}, getenv: w.getenv, now: w.now,
				defaults: standardConfig(t), configFile: w.path(defaultConfigFile),
			}
			// The collector would close a socket that nobody closed, and hide the leak.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			var after [51]held
			makeRuns := func(from, to int) {
				check(t, a.withEngine(t, func(e *engine) {
					for i := from; i <= to; i++ {
						clock.advance(time.Hour)
						w.trouble(i)
						// Not by another connection of this process: SQLite keeps the
						// descriptor of one that is closed while others have the file
						// open, since closing it would drop their locks.
						check(t, a.importUsers(t.Context(), e.store, w.threeUsers(i), false))
						a.passOn(t, e)
						e.capa.Close() // its idle connections; it works on
						if !test.each && (i == 10 || i == 50) {
							after[i] = w.settled(mostConnections, after[10])
						}
					}
				}))
			}
			if test.each {
				for i := 1; i <= 50; i++ {
					makeRuns(i, i)
					if i == 10 || i == 50 {
						after[i] = w.settled(0, after[10])
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
	return a.withStore(t.Context(), func(s ledger) error {
		e, err := a.newEngine(t.Context(), s)
		check(t, err)
		do(e)
		return e.close()
	})
}

// passOn makes one run.
func (a *app) passOn(t *testing.T, e *engine) {
	t.Helper()
	r, err := e.takeRight(t.Context())
	check(t, err)
	_, err = r.run(t.Context(), pass{trigger: store.ByCommand, logged: true})
	check(t, err)
	check(t, r.give(t.Context()))
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
	w.alta(0, "users", "import", w.threeUsers(run))
}

// threeUsers writes a file of three users to take in, and returns its path.
func (w *world) threeUsers(run int) string {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for i := range 3 {
		fmt.Fprintf(&b, "u-%d-%d,u%d-%d@correo.example,Ana Torres,%s\n", run, i, run, i, []string{"MX", "DO"}[i%2])
	}
	w.write("more.csv", b.String())
	return w.path("more.csv")
}

// settled returns what this process holds on to, once what ends by itself has
// ended. It waits for so many connections to the ledger at most and, with an
// earlier measure, for that one and a bit more.
func (w *world) settled(connections int, earlier held) (now held) {
	w.t.Helper()
	w.api.SetFaults()
	w.smtp.SetFaults()
	w.smtp.Disconnect() // those that stall, which the sandbox keeps
	w.smtp.Forget()
	still := 0 // measures in a row that found the same; idle connections live for two
	w.eventuallyOr(func() string {
		return fmt.Sprintf("now: %v; before: %v\n%s", now, earlier, heldByName(w.t, self))
	}, "what the runs left behind to be gone", func() bool {
		last := now
		now = openNow(w.t, self)
		now.goroutines = runtime.NumGoroutine()
		switch {
		case now.connections > connections:
			return false
		case earlier != (held{}):
			return now.files <= earlier.files+moreFiles && now.goroutines <= earlier.goroutines+moreGoroutines
		}
		still++
		if now != last {
			still = 0
		}
		return still >= 8
	})
	now.heap = heapNow()
	if earlier != (held{}) && now.heap > earlier.heap+moreHeap {
		w.t.Errorf("the heap grew from %d to %d KiB", earlier.heap>>10, now.heap>>10)
	}
	return now
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
	open, size := map[int]held{}, map[int]int{}
	for slot := 1; slot <= late; slot++ {
		w.trouble(slot)
		w.addThree(slot)
		before := runs()
		w.eventually("a slot", func() bool { return runs() > before })
		d.get("/metrics")
		switch slot {
		case early:
			open[slot], size[slot] = openNow(t, process), resident(t, process)
		case late:
			w.api.SetFaults()
			w.smtp.SetFaults()
			w.eventuallyOr(func() string {
				return fmt.Sprintf("now: %v; before: %v\n%s", open[late], open[early], heldByName(t, process))
			}, "the connections to end", func() bool {
				open[slot] = openNow(t, process)
				return open[slot].connections <= mostConnections && open[slot].files <= open[early].files+moreFiles
			})
			size[slot] = resident(t, process)
		}
	}
	if size[late] > size[early]+moreResident {
		t.Errorf("the daemon grew from %d to %d KiB", size[early]>>10, size[late]>>10)
	}
	t.Logf("after slot %d: %v, %d KiB resident; after slot %d: %v, %d KiB; %d mails",
		early, open[early], size[early]>>10, late, open[late], size[late]>>10, len(w.smtp.Mails()))
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
