package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/store"
)

// A guard that a test reaches with a handful of users.
const (
	few   = "guard.mails = 5"
	twice = "guard.times = 2"
)

// guardedWorld has mailed six users in three runs of two, so that two are usual
// and a run of at most five goes without a yes.
func guardedWorld(t *testing.T, clock *testClock, settings ...string) *world {
	t.Helper()
	w := newWorld(t, clock.now, append(settings, few, twice)...)
	for n := 2; n <= 6; n += 2 {
		w.importMany(n)
		w.run(0)
	}
	w.wantMailed("as usual", 6)
	return w
}

// wantMailed wants n links and n mails, no user mailed twice.
func (w *world) wantMailed(when string, n int) {
	w.t.Helper()
	if mints, mails := len(w.api.Mints()), len(w.smtp.Mails()); mints != n || mails != n {
		w.t.Fatalf("%s: %d links and %d mails, want %d", when, mints, mails, n)
	}
	to := map[string]bool{}
	for _, m := range w.smtp.Mails() {
		if to[m.To[0]] {
			w.t.Fatalf("%s: %s was mailed twice", when, m.To[0])
		}
		to[m.To[0]] = true
	}
}

// wantStopped makes a run and wants the guard to stop it before its first mint.
func (w *world) wantStopped(when string, would int, args ...string) {
	w.t.Helper()
	calls, mails := w.api.Calls(), len(w.smtp.Mails())
	r := w.run(3, args...)
	if want := fmt.Sprintf("this run would mail %d users, and the last ", would); !strings.Contains(r.Outage, want) || r.Selected != 0 {
		w.t.Fatalf("%s: the report is %+v, want %q and nothing selected", when, r, want)
	}
	if w.api.Calls() != calls || len(w.smtp.Mails()) != mails {
		w.t.Fatalf("%s: the guard stopped the run after it had begun", when)
	}
}

// wantAudited wants these lines, and no others, in the audit log that belong to
// no user.
func (w *world) wantAudited(want ...string) {
	w.t.Helper()
	s, err := w.process(io.Discard).openStore(w.t.Context())
	check(w.t, err)
	log, err := s.Audit(w.t.Context(), "")
	check(w.t, errors.Join(err, s.Close()))
	var got []string
	for _, e := range log {
		got = append(got, e.Action+" "+e.Detail)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("audited %q, want %q", got, want)
	}
}

// growAtFirstMail takes in users up to n while the next run is under way.
func (w *world) growAtFirstMail(n int) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for i := range n {
		fmt.Fprintf(&b, "u-%02d,u%02d@correo.example,Ana Torres,%s\n", i, i, []string{"MX", "DO"}[i%2])
	}
	w.write("more.csv", b.String())
	a := &app{
		in: strings.NewReader(""), out: io.Discard, screen: &screen{out: io.Discard}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t),
	}
	var once sync.Once
	w.onKept(func(sandbox.Mail) {
		once.Do(func() {
			if status := a.run(w.t.Context(), []string{"--config", w.path(defaultConfigFile), "users", "import", w.path("more.csv")}); status != 0 {
				w.t.Errorf("import in mid-run: exit status %d", status)
			}
		})
	})
}

// statusNow is the status on the world's clock.
func (w *world) statusNow() (s statusJSON) {
	w.t.Helper()
	check(w.t, json.Unmarshal([]byte(w.alta(0, "status", "--json")), &s))
	return s
}

func TestTheGuardStopsARunBeforeItsFirstMail(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testTheGuardStopsARunBeforeItsFirstMail)
}

func testTheGuardStopsARunBeforeItsFirstMail(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := guardedWorld(t, clock)

	w.importMany(26)
	w.wantStopped("a wrong list", 20)
	w.wantStopped("the next run", 20)
	s := w.statusNow()
	if !strings.Contains(s.Runs[0].Outage, "'alta run --yes' lets it go") || len(s.Pauses) != 0 || s.Queue.DueNow != 20 {
		t.Errorf("status shows %+v, want the reason, no pause and 20 due", s)
	}

	// A limit makes a run small, and what an operator asked for is not stopped.
	if r := w.run(0, "--limit", "5", "--yes"); r.Sent != 5 {
		t.Errorf("with a limit, and a yes that it does not need: %+v, want 5 sent", r)
	}
	w.wantStopped("a limit beyond the bound", 6, "--limit", "6")
	w.alta(0, "resend", "--user", "u-25", "--reason", "asked by phone")
	w.wantMailed("after both", 12)

	// A yes lets the run go, and nothing else.
	if r := w.run(0, "--yes"); r.Sent != 14 {
		t.Errorf("with a yes: %+v, want 14 sent", r)
	}
	w.wantMailed("with a yes", 26)
	w.wantAudited("approve 14 mails were due; up to 16 may go until 2026-03-02T19:00:00Z")
	w.importMany(36)
	w.wantStopped("the list after that, which is smaller than the one that had the yes", 10)
	w.wantMailed("in the end", 26)
}

func TestTheGuardLetsAFirstCampaignGo(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testTheGuardLetsAFirstCampaignGo)
}

func testTheGuardLetsAFirstCampaignGo(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, few, twice)
	w.importMany(20)
	if r := w.run(0); r.Sent != 20 {
		t.Errorf("%+v, want 20 sent", r)
	}
}

func TestTheGuardCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testTheGuardCanBeTurnedOff)
}

func testTheGuardCanBeTurnedOff(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := guardedWorld(t, clock)
	w.configure("guard.mails = 0", twice)
	w.importMany(26)
	if r := w.run(0); r.Sent != 20 {
		t.Errorf("%+v, want 20 sent", r)
	}
}

// Users who come in by the thousand while a run goes on don't ride along with it.
func TestARunDoesNotGrowPastTheGuard(t *testing.T) {
	onEachEngine(t, testARunDoesNotGrowPastTheGuard)
}

func testARunDoesNotGrowPastTheGuard(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		due  int // when the run begins
		sent int
	}{
		{"a run that needed no yes ends at its bound", nil, 4, 5},
		{"a run with a yes ends a tenth past what was due", []string{"--yes"}, 20, 22},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := guardedWorld(t, clock)
			w.importMany(6 + test.due)
			w.growAtFirstMail(60)
			if r := w.run(0, test.args...); r.Sent != test.sent {
				t.Errorf("%+v, want %d sent", r, test.sent)
			}
			w.wantMailed("in mid-run", 6+test.sent)
			w.wantStopped("the next run", 60-6-test.sent)
		})
	}
}

// A yes is for this campaign: what an outage left of it goes within the hour,
// what comes later asks again.
func TestAYesOutlivesAnOutageAndEndsWithItsHour(t *testing.T) {
	onEachEngine(t, testAYesOutlivesAnOutageAndEndsWithItsHour)
}

func testAYesOutlivesAnOutageAndEndsWithItsHour(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration
		goes  bool
	}{
		{"within the hour", 59 * time.Minute, true},
		{"after it", time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := guardedWorld(t, clock)
			w.importMany(26)
			w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtBanner, Action: sandbox.SMTPRefuse, Code: 554, Text: "closed"})
			if r := w.run(3, "--yes"); strings.Contains(r.Outage, "--yes") {
				t.Fatalf("stopped by the guard: %+v", r)
			}
			w.smtp.SetFaults()
			clock.advance(test.after)
			if test.goes {
				if r := w.run(0); r.Sent != 20 {
					t.Errorf("%+v, want 20 sent", r)
				}
				return
			}
			w.wantStopped("later", 20)
		})
	}
}

func TestADryRunSaysThatTheGuardWouldStopIt(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testADryRunSaysThatTheGuardWouldStopIt)
}

func testADryRunSaysThatTheGuardWouldStopIt(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := guardedWorld(t, clock)
	const says = "The guard would stop this run: this run would mail 20 users, and the last 3 runs that mailed sent 2 in the median"
	w.importMany(10)
	if text := w.alta(0, "run", "--dry-run"); strings.Contains(text, "guard") {
		t.Errorf("a usual run: it says\n%s", text)
	}
	w.importMany(26)
	if text := w.alta(0, "run", "--dry-run"); !strings.Contains(text, says) {
		t.Errorf("it says\n%s\nwant %s", text, says)
	}
	var planned []plannedMail
	check(t, json.Unmarshal([]byte(w.alta(0, "run", "--dry-run", "--json")), &planned))
	if len(planned) != 20 {
		t.Errorf("%d mails in JSON, want 20", len(planned))
	}
	w.wantMailed("after the dry runs", 6)
}

// While a daemon has the ledger, a yes is the daemon's: it makes the run within
// seconds, by no schedule.
func TestTheDaemonActsOnAYes(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: time.Now().Truncate(time.Second)} // the daemon lives in real time
	w := guardedWorld(t, clock, yearly)
	w.importMany(26)
	d := w.serve()
	d.says(`"serving"`)
	w.wantExit(3, "makes this run by itself", "run")
	w.wantExit(2, "--limit is for a run of its own", "run", "--yes", "--limit", "5")
	if answer := w.exec(0, "run", "--yes"); !strings.Contains(answer, "Approved: 20 mails are due, and up to 22 may go") {
		t.Errorf("it says %q", answer)
	}
	w.eventually("the approved run", func() bool { return len(w.smtp.Mails()) == 26 })
	w.wantMailed("by the daemon", 26)
	d.says(`"run done"`)
	if by := w.statusNow().Runs[0].Trigger; by != string(store.ByCommand) {
		t.Errorf("the trigger is %q", by)
	}

	// It acts once, and there is nothing to approve until the guard stops again.
	w.importMany(31)
	w.wantExit(3, "nothing waits for a yes", "run", "--yes")
	runs := len(w.statusNow().Runs)
	w.exec(0, "resend", "--user", "u-30", "--reason", "asked by phone")
	w.eventually("the resend", func() bool { return len(w.smtp.Mails()) == 27 })
	if n := len(w.statusNow().Runs); n != runs+1 {
		t.Errorf("%d runs more, want the one for the resend", n-runs)
	}
}

// A daemon that the guard stops says so at every slot and shows it.
func TestTheDaemonShowsThatTheGuardStops(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: time.Now().Truncate(time.Second)} // the daemon lives in real time
	w := guardedWorld(t, clock, always)
	w.importMany(26)
	d := w.serve()
	d.says("this run would mail 20 users")
	_, metrics := d.get("/metrics")
	for _, line := range []string{"alta_last_run_outage 1", `alta_paused{scope="all"} 0`, "alta_due_now 20"} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no metric %s", line)
		}
	}
	w.wantMailed("by the daemon", 6)
	w.exec(0, "run", "--yes")
	w.eventually("the approved run", func() bool { return len(w.smtp.Mails()) == 26 })
	w.wantMailed("by the daemon", 26)
}

// wantExit runs a command and wants that exit status, and that it complains so.
func (w *world) wantExit(status int, complaint string, args ...string) {
	w.t.Helper()
	cmd := w.command(args...)
	text, _ := cmd.CombinedOutput() // the status says whether it failed
	if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(string(text), complaint) {
		w.t.Fatalf("alta %s: exit status %d, want %d and %q\n%s", strings.Join(args, " "), got, status, complaint, text)
	}
	w.wantNoSecret(string(text))
}
