package app

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// crashScenario is a run that is ended by SIGKILL at each of its points: before
// and after every commit, and every read and write of SMTP and HTTP.
type crashScenario struct {
	name     string
	settings []string
	people   int
	tls      bool                   // STARTTLS, and a login behind it
	before   func(*world, []person) // what happened before the run
	mails    int                    // different mails that each gets in the end
	hold     bool
	verified bool // it is played again, with those in flight verified after the crash
}

func crashScenarios() []crashScenario {
	return []crashScenario{
		{name: "the first mails", people: 2, mails: 1, verified: true},
		{name: "over STARTTLS", people: 1, mails: 1, tls: true},
		{name: "doubts wait for the operator", people: 2, mails: 1, hold: true, settings: []string{`plan.on_doubt = "hold"`}},
		{name: "repeats and retries", people: 3, mails: 1, before: leaveTroubles, verified: true},
		{name: "reminders with fresh links", people: 2, mails: 2, before: leaveReminders},
		{name: "one mail behind another", people: 3, mails: 1, settings: []string{"plan.workers = 3", "capa.connections = 3"}},
	}
}

// leaveTroubles ends a run with one mail in doubt, one put off by the mail
// server with its link kept, and one whose mint failed.
func leaveTroubles(w *world, people []person) {
	w.smtp.SetFaults(
		sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut, Recipient: people[0].email},
		sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 451, Text: "greylisted, try again later", Recipient: people[1].email},
	)
	w.api.SetFaults(sandbox.APIFault{User: people[2].id, Answer: sandbox.APIAnswer{Status: 500}})
	w.exec(1, "run")
	w.smtp.SetFaults()
	w.api.SetFaults()
	// Only the due times: a repeat must read as it did, and mails name times.
	w.change(`UPDATE deliveries SET due_at = 0`)
}

// leaveReminders mails everybody and lets two days go by.
func leaveReminders(w *world, _ []person) {
	w.exec(0, "run")
	w.age(48 * time.Hour)
}

// startTLS puts a mail server that wants STARTTLS in the place of the plain one.
func (w *world) startTLS(settings ...string) {
	w.t.Helper()
	check(w.t, w.smtp.Close())
	var err error
	w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{
		TLS: sandbox.SMTPStartTLS, Username: "alta", Password: testPassword, Now: w.now, OnMail: w.onMail,
	})
	check(w.t, err)
	w.write(trusted, string(w.smtp.CertificatePEM()))
	w.configure(append(settings, `smtp.tls = "starttls"`)...)
}

// age moves what happened, and what is planned, into the past.
func (w *world) age(by time.Duration) {
	w.t.Helper()
	ms := by.Milliseconds()
	w.change(`UPDATE users SET invited_at = invited_at - ?, last_mail_at = last_mail_at - ?, link_expires_at = link_expires_at - ?`, ms, ms, ms)
	w.change(`UPDATE links SET issued_at = issued_at - ?, expires_at = expires_at - ?`, ms, ms)
	w.change(`UPDATE deliveries SET due_at = due_at - ?, began_at = began_at - ?`, ms, ms)
}

// change writes to the ledger behind alta's back.
func (w *world) change(statement string, args ...any) {
	w.t.Helper()
	db := w.rows()
	_, err := db.Exec(db.text(statement), args...)
	check(w.t, err)
}

// TestCrashPoints enumerates the points of each scenario and ends a run at each
// one: everybody is still owed their mail afterwards. Then those who were in
// flight are verified before anything else happens.
func TestCrashPoints(t *testing.T) {
	onEachEngine(t, testCrashPoints)
}

func testCrashPoints(t *testing.T) {
	for _, s := range crashScenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			points := s.points(t)
			if len(points) < 40 {
				t.Fatalf("only %d points: %q", len(points), points)
			}
			var crashed, missed atomic.Int64
			play := func(name, point string, verified bool) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					if s.crash(t, point, verified) {
						crashed.Add(1)
					} else {
						missed.Add(1)
					}
				})
			}
			t.Cleanup(func() {
				t.Logf("crashed at %d of %d points", crashed.Load(), crashed.Load()+missed.Load())
				if missed.Load()*10 > crashed.Load() {
					t.Errorf("%d points were not passed again", missed.Load())
				}
			})
			// On PostgreSQL each play joins a fleet several times.
			step := 1
			if strings.Contains(t.Name(), onPostgres) && !thorough() {
				step = 7
			}
			for i := 0; i < len(points); i += step {
				point := points[i]
				play(point, point, false)
				if s.verified {
					play(point+", then verified", point, true)
				}
			}
		})
	}
}

func (s crashScenario) world(t *testing.T) (*world, []person) {
	settings := append([]string{
		"plan.workers = 1", "smtp.connections = 1", "capa.connections = 1", "plan.reissue_on_expiry = false",
	}, s.settings...)
	w := newWorld(t, time.Now, settings...)
	if s.tls {
		w.startTLS(settings...)
	}
	people := sixty()[:s.people]
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	if s.before != nil {
		s.before(w, people)
	}
	return w, people
}

// points makes the run undisturbed and returns the points that it passed.
func (s crashScenario) points(t *testing.T) []string {
	w, _ := s.world(t)
	run := w.commandOf(t.Context(), mortalProgram(t), "run")
	run.Env = append(run.Env, "ALTA_CRASH_LIST="+w.path("points"))
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(w.path("points"))
	check(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// crash ends a run at the point and sees to it that all promises are kept. It
// returns false when the run never passed the point: what a server says may come in
// fewer pieces this time, and several writes may have shared one commit.
func (s crashScenario) crash(t *testing.T, point string, verified bool) bool {
	w, people := s.world(t)
	run := w.commandOf(t.Context(), mortalProgram(t), "run")
	run.Env = append(run.Env, "ALTA_CRASH_AT="+point)
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	err := run.Run()
	status := run.ProcessState.ExitCode()
	if status != -1 && status != exitDone {
		t.Fatalf("the run did not end at the point: %v\n%s", err, out.String())
	}
	w.wantNoSecret(out.String())

	p := proof{world: w, people: people, mails: s.mails, hold: s.hold, gone: map[string]int{}}
	if verified {
		w.smtp.Settle() // what the dead process had sent in whole has arrived before
		for _, id := range w.inFlight(t) {
			w.exec(0, "users", "mark", id, "verified")
			for _, who := range people {
				if who.id == id {
					p.gone[id] = len(w.mailsTo(who.email))
				}
			}
		}
	}
	w.endLeases()
	w.runUntilDone()
	p.check()
	return status == -1
}

// endLeases lets the time go by for which a fleet waits for a machine that is gone.
func (w *world) endLeases() {
	w.t.Helper()
	if w.postgres == "" {
		return
	}
	w.change(`UPDATE machines SET seen_at = seen_at - 60000`)
	w.change(`UPDATE river_job SET attempted_at = attempted_at - interval '1 minute'`)
}
