package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
	"alta/store"
)

// A schedule that does not ring while a test lasts, and one that does.
const (
	yearly = `schedule.cron = "0 0 1 1 *"`
	always = `schedule.cron = "@every 1s"`
)

func (w *world) importPeople(n int) []person {
	w.t.Helper()
	people := sixty()[:n]
	w.write("users.csv", csvOf(people))
	w.exec(0, "users", "import", w.path("users.csv"))
	return people
}

func (w *world) status() statusJSON {
	w.t.Helper()
	var s statusJSON
	check(w.t, json.Unmarshal([]byte(w.exec(0, "status", "--json")), &s))
	return s
}

// SIGTERM in mid-run: the mails on the wire finish and are recorded, the rest
// goes back, and the exit status is 0.
func TestServeStopsGracefully(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, always, "plan.workers = 2", "smtp.connections = 2")
	people := w.importPeople(20)
	v := w.stopAfter(3)
	d := w.serve()
	v.wait(t, 2)

	d.signal(syscall.SIGTERM)
	d.says("stopping")
	if n := w.status().Queue.Sending; n != 2 {
		t.Errorf("%d mails on the wire while it stops, want 2", n)
	}
	v.release()
	if status := d.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}

	if n := len(w.smtp.Mails()); n != 5 {
		t.Errorf("%d mails went out, want the 3 before and the 2 on the wire", n)
	}
	q := w.status().Queue
	if q.Sending != 0 || q.Claimed != 0 || q.Doubt != 0 || q.DueNow != 15 {
		t.Errorf("the queue afterwards: %+v, want 15 due and nothing else", q)
	}
	for _, m := range w.smtp.Mails() {
		if !strings.Contains(w.exec(0, "explain", m.To[0]), "the invite was sent") {
			t.Errorf("the mail to %s was not recorded", m.To[0])
		}
	}
	w.exec(0, "run")
	w.wantOneMailEach(people)
}

// A second signal ends the daemon at once, and so does kill -9; neither loses a
// user, and a second copy of a mail is the very same message.
func TestKilledInMidRun(t *testing.T) {
	for _, test := range []struct {
		name string
		kill func(*servant)
	}{
		{"kill -9", func(d *servant) { d.signal(os.Kill) }},
		{"SIGTERM twice", func(d *servant) {
			d.signal(syscall.SIGTERM)
			d.says("stopping")
			d.signal(syscall.SIGTERM)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// Programs live in real time; what this process runs later lives in
			// its own.
			clock := &testClock{at: time.Now()}
			w := newWorld(t, clock.now, always, "plan.workers = 4", "smtp.connections = 4")
			people := w.importPeople(30)
			v := w.stopAfter(10)
			d := w.serve()
			v.wait(t, 4)
			test.kill(d)
			if status := d.wait(); status != -1 {
				t.Errorf("exit status %d, want to be ended by the signal", status)
			}
			v.release()

			clock.advance(time.Minute)
			if r := w.run(0); r.Sent != 16 {
				t.Errorf("the run after: %+v, want the 16 that were not begun", r)
			}
			clock.advance(5 * time.Minute)
			if r := w.run(0); r.Sent != 4 || r.Minted != 0 {
				t.Errorf("the run after that: %+v, want the 4 in doubt, with the links they had", r)
			}
			if r := w.run(0); r.Selected != 0 {
				t.Errorf("the last run: %+v, want nothing left", r)
			}

			for _, p := range people {
				mails := w.mailsTo(p.email)
				if len(mails) == 0 {
					t.Errorf("%s was lost", p.email)
				}
				for _, again := range mails[min(1, len(mails)):] {
					if string(again.Raw) != string(mails[0].Raw) {
						t.Errorf("%s got two different mails", p.email)
					}
				}
			}
			if n := len(w.smtp.Mails()); n != 34 {
				t.Errorf("%d mails, want 30 and the 4 that were in doubt again", n)
			}
		})
	}
}

// A second copy stands by, takes over when the first dies, and then sends what
// an operator asks for within seconds.
func TestServeStandsByAndTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, yearly)
	w.importPeople(2)
	first := w.serve()
	first.says(`"serving"`)
	second := w.serve()
	second.says("standing by: another alta runs the pipeline on this ledger (process " + fmt.Sprint(first.cmd.Process.Pid) + ")")

	// An operator's resend is the daemon's.
	answer := w.exec(0, "resend", "--email", "persona1@correo.example", "--reason", "asked by phone")
	if !strings.Contains(answer, "1 queued. Another alta has the ledger: 'alta serve' sends within seconds") {
		t.Errorf("resend says %q", answer)
	}
	w.eventually("the resend", func() bool { return len(w.mailsTo("persona1@correo.example")) == 1 })
	if strings.Contains(second.log.String(), `"serving"`) {
		t.Error("both daemons serve")
	}

	first.signal(os.Kill)
	first.wait()
	second.says(`"serving"`)
	w.exec(0, "resend", "--email", "persona2@correo.example", "--reason", "asked by phone")
	w.eventually("the resend after the takeover", func() bool { return len(w.mailsTo("persona2@correo.example")) == 1 })

	// One that stands by can be stopped, too.
	third := w.serve()
	third.says("standing by")
	third.signal(syscall.SIGTERM)
	if status := third.wait(); status != 0 {
		t.Errorf("exit status %d of the one that stood by, want 0", status)
	}
	second.signal(os.Interrupt)
	if status := second.wait(); status != 0 {
		t.Errorf("exit status %d after an interrupt, want 0", status)
	}
}

// A slot that passed while alta was down is served at start, and only then.
func TestServeMakesUpForAMissedSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, yearly)
	w.importPeople(3)
	ledger, err := store.Open(t.Context(), w.path("alta.db"))
	check(t, err)
	long := time.Now().AddDate(-2, 0, 0)
	id, _, err := ledger.StartRun(t.Context(), store.BySchedule, long, 0, long)
	check(t, err)
	check(t, ledger.FinishRun(t.Context(), id, pipeline.Report{}, nil, long))
	check(t, ledger.Close())

	d := w.serve()
	d.says("a run was missed while alta was down; making it now")
	w.eventually("the missed run", func() bool { return len(w.smtp.Mails()) == 3 })
	w.eventually("its end", func() bool { return w.status().Runs[0].Sent == 3 })
	d.signal(syscall.SIGTERM)
	d.wait()

	// The slot is served now: the next start makes no run of its own. What an
	// operator asks for shows that the daemon is at work.
	w.exec(0, "users", "add", "--id", "u-new", "--email", "new@correo.example", "--name", "Nora", "--country", "MX")
	d = w.serve()
	d.says(`"serving"`)
	w.exec(0, "resend", "--email", "persona1@correo.example", "--reason", "asked by phone", "--force")
	w.eventually("the resend", func() bool { return len(w.mailsTo("persona1@correo.example")) == 2 })
	if n := len(w.mailsTo("new@correo.example")); n != 0 {
		t.Errorf("%d mails outside the schedule", n)
	}
	if strings.Contains(d.log.String(), "missed") {
		t.Error("the slot was served twice")
	}
}

// Health, readiness and metrics tell how it goes, and nothing about anybody.
func TestServeShowsHealthAndMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, always)
	people := w.importPeople(4)
	d := w.serve()
	w.eventually("the mails", func() bool { return len(w.smtp.Mails()) == 4 })

	if status, body := d.get("/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	if status, body := d.get("/readyz"); status != 200 || body != "ready\n" {
		t.Errorf("/readyz: %d %q", status, body)
	}
	if status, body := d.get("/"); status != 200 || !strings.Contains(body, `action="/login"`) || strings.Contains(body, people[0].email) {
		t.Errorf("/ asks nobody who they are: %d %s", status, body)
	}
	var metrics string
	w.eventually("a run in the metrics", func() bool {
		_, metrics = d.get("/metrics")
		return strings.Contains(metrics, `alta_runs_total{result="done",trigger="schedule"}`)
	})
	for _, line := range []string{
		`alta_deliveries_total{country="MX",outcome="sent",step="invite"} 2`,
		`alta_deliveries_total{country="DO",outcome="sent",step="invite"} 2`,
		`alta_deliveries_total{country="DO",outcome="failed",step="reminder"} 0`,
		`alta_links_minted_total 4`,
		`alta_queue_depth{state="due"} 4`,
		`alta_queue_depth{state="sending"} 0`,
		`alta_due_now 0`,
		`alta_oldest_due_seconds 0`,
		`alta_paused{scope="all"} 0`,
		`alta_stage_duration_seconds_count{result="ok",stage="send"} 4`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no metric %s", line)
		}
	}
	w.wantNoSecret(metrics)
	for _, p := range people {
		for _, personal := range []string{p.id, p.email, p.name} {
			if strings.Contains(metrics, personal) {
				t.Errorf("the metrics hold %q", personal)
			}
		}
	}

	// An outage shows in the metrics; the process stays ready, for it works.
	w.api.SetFaults(sandbox.APIFault{Answer: sandbox.KeyInvalid()})
	w.exec(0, "users", "add", "--id", "u-late", "--email", "late@correo.example", "--name", "Nora", "--country", "MX")
	w.eventually("the outage", func() bool {
		_, metrics = d.get("/metrics")
		return strings.Contains(metrics, `alta_paused{scope="all"} 1`) && strings.Contains(metrics, `alta_runs_total{result="outage",trigger="schedule"}`)
	})
	if status, _ := d.get("/readyz"); status != 200 {
		t.Errorf("/readyz during an outage: %d", status)
	}
	w.api.SetFaults()
	w.eventually("the mail after the outage", func() bool { return len(w.mailsTo("late@correo.example")) == 1 })
	w.eventually("the end of the outage", func() bool {
		_, metrics = d.get("/metrics")
		return strings.Contains(metrics, `alta_paused{scope="all"} 0`)
	})
}

// A listener that is taken may be free in a moment: systemd tries again.
func TestServeNeedsItsListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, yearly)
	host, port := w.smtp.Addr()
	w.configure(yearly, fmt.Sprintf("operator.listen = %q", fmt.Sprintf("%s:%d", host, port)))
	d := w.serve()
	if status := d.wait(); status != 3 {
		t.Errorf("exit status %d, want 3", status)
	}
	if !strings.Contains(d.log.String(), "see operator.listen") {
		t.Errorf("it says %q", d.log)
	}
}

func (w *world) wantOneMailEach(people []person) {
	w.t.Helper()
	for _, p := range people {
		if n := len(w.mailsTo(p.email)); n != 1 {
			w.t.Errorf("%s got %d mails, want 1", p.email, n)
		}
	}
	if n := len(w.smtp.Mails()); n != len(people) {
		w.t.Errorf("%d mails, want %d", n, len(people))
	}
}

// A daemon that is told to stop before it has begun ends as one that is told later.
func TestServeToldToStopBeforeItBegins(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var log bytes.Buffer
		if status := w.process(&log).run(ctx, []string{"--config", w.path(defaultConfigFile), "serve"}); status != exitDone {
			t.Errorf("exit status %d, want %d:\n%s", status, exitDone, log.String())
		}
	})
}
