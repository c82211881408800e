package app

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// importMany imports n persons, half of each country.
func (w *world) importMany(n int) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for i := range n {
		fmt.Fprintf(&b, "u-%02d,u%02d@correo.example,Ana Torres,%s\n", i, i, []string{"MX", "DO"}[i%2])
	}
	w.write("many.csv", b.String())
	w.alta(0, "users", "import", w.path("many.csv"))
}

// runAnyhow makes a run, whatever its exit status.
func (w *world) runAnyhow() {
	w.t.Helper()
	w.setDatabaseClock()
	a := &app{
		in: strings.NewReader(""), out: io.Discard, screen: &screen{out: io.Discard}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t),
	}
	a.run(w.t.Context(), []string{"--config", w.path(defaultConfigFile), "run"})
}

// While a trouble that is everybody's lasts, run after run, nobody beyond those
// who made it known pays for it.
func TestALongOutageCostsNobodyAnything(t *testing.T) {
	onEachEngine(t, testALongOutageCostsNobodyAnything)
}

func testALongOutageCostsNobodyAnything(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer sandbox.APIAnswer
		failed int // the users by whom the partner client knows it, as the table of the API page has it
	}{
		{"a bad redirect URI", sandbox.InvalidInput(), 2},
		{"the key of another environment", sandbox.NotAssociated(), 2},
		{"a broken partner API", sandbox.ServerError(), 0},
		{"a wrong key", sandbox.KeyInvalid(), 0},
		{"a wrong base URL", sandbox.APIAnswer{Status: 404, Body: "Cannot POST"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now)
			w.importMany(20)
			w.api.SetFaults(sandbox.APIFault{Answer: test.answer})
			// Each run is a process of its own, and remembers nothing.
			for range 12 {
				w.alta(3, "run")
				clock.advance(15 * time.Minute)
			}
			w.api.SetFaults()
			for range 4 { // the first users of a row are put off for minutes
				w.run(0)
				clock.advance(time.Hour)
			}
			s := w.status()
			if s.Queue.Failed != test.failed {
				t.Errorf("%d users failed, want %d", s.Queue.Failed, test.failed)
			}
			if mailed := s.Funnel[0].Mailed + s.Funnel[1].Mailed; mailed != 20-test.failed {
				t.Errorf("%d users were mailed after the outage, want %d", mailed, 20-test.failed)
			}
			if len(s.Pauses) > 0 {
				t.Errorf("still paused: %+v", s.Pauses)
			}
		})
	}
}

func TestOneUserKeepsNobodyWaiting(t *testing.T) {
	onEachEngine(t, testOneUserKeepsNobodyWaiting)
}

func testOneUserKeepsNobodyWaiting(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer sandbox.APIAnswer
	}{
		{"a business whose country has no template for businesses", sandbox.NoTemplate(pipeline.MX)},
		{"a link that nobody may mail", sandbox.APIAnswer{Link: "https://kyc.sandbox.example:8443/session?_al=canary==&r=a%2Fb"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now)
			w.api.SetFaults(sandbox.APIFault{User: "u-bad", Answer: test.answer})
			w.alta(0, "users", "add", "--id", "u-bad", "--email", "bad@correo.example", "--name", "Tienda", "--country", "MX", "--type", "BUSINESS")
			clock.advance(time.Minute)
			w.importMany(20)
			for range 8 {
				w.runAnyhow()
				clock.advance(5 * time.Minute)
			}
			s := w.status()
			if mailed := s.Funnel[0].Mailed + s.Funnel[1].Mailed; mailed != 20 {
				t.Errorf("%d of 20 others were mailed", mailed)
			}
		})
	}
}

func TestAnOutageEndsThoughNothingIsDue(t *testing.T) {
	onEachEngine(t, testAnOutageEndsThoughNothingIsDue)
}

func testAnOutageEndsThoughNothingIsDue(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	w.importMany(1)
	w.api.SetFaults(sandbox.APIFault{Answer: sandbox.KeyInvalid()}, sandbox.APIFault{Details: true, Answer: sandbox.KeyInvalid()})
	w.alta(3, "run")
	w.alta(0, "users", "mark", "u-00", "verified")
	clock.advance(time.Minute)
	w.alta(3, "run") // nothing is due; the partner API itself says that it is not over
	w.api.SetFaults()
	clock.advance(time.Minute)
	w.run(0)
	if s := w.status(); len(s.Pauses) > 0 {
		t.Errorf("still paused: %+v", s.Pauses)
	}
}

func TestATightenedPlanStopsWhatWasPlanned(t *testing.T) {
	onEachEngine(t, testATightenedPlanStopsWhatWasPlanned)
}

func testATightenedPlanStopsWhatWasPlanned(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	w.importMany(2)
	w.run(0)
	w.configure("plan.reminders = []", "plan.reissue_on_expiry = false", "plan.max_mails = 1")
	clock.advance(30 * time.Hour)
	w.run(0)
	if mails := w.smtp.Mails(); len(mails) != 2 {
		t.Errorf("%d mails, want the two invites alone", len(mails))
	}
	if text := w.alta(0, "explain", "u-00"); !strings.Contains(text, "the plan no longer owes the user this mail") {
		t.Errorf("explain does not say why nothing comes:\n%s", text)
	}
}

func TestADoubtWhoseLinkExpiredGivesWayToAFreshMail(t *testing.T) {
	onEachEngine(t, testADoubtWhoseLinkExpiredGivesWayToAFreshMail)
}

func testADoubtWhoseLinkExpiredGivesWayToAFreshMail(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, `plan.on_doubt = "hold"`)
	w.importMany(1)
	w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtDot, Action: sandbox.SMTPCut})
	w.alta(1, "run")
	w.smtp.SetFaults()
	clock.advance(48 * time.Hour)
	w.alta(0, "resend", "--doubt", "--reason", "the server's log shows nothing")
	mails, mints := w.mailsTo("u00@correo.example"), w.minted("u-00")
	if len(mails) != 1 || len(mints) != 2 {
		t.Fatalf("%d mails and %d links, want one mail with the second link", len(mails), len(mints))
	}
	readMail(t, mails[0]).wantLink(t, mints[1])
}

// At night every due mail is put back, so there is nothing to try an outage
// with; what only a mail can show to be over must not be taken for over.
func TestTheNightDoesNotEndAnOutage(t *testing.T) {
	onEachEngine(t, testTheNightDoesNotEndAnOutage)
}

func testTheNightDoesNotEndAnOutage(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T22:00:00Z")} // 16:00 in Mexico City
	w := newWorld(t, clock.now, `plan.sending_hours = "09:00-20:00"`)
	w.importMany(6)
	w.api.SetFaults(sandbox.APIFault{Answer: sandbox.InvalidInput()})
	for range 20 {
		w.runAnyhow()
		clock.advance(2 * time.Hour)
	}
	s := w.status()
	if s.Queue.Failed > 2 || len(s.Pauses) != 1 {
		t.Errorf("%d failed and %d pauses, want the two that made the outage known and the outage", s.Queue.Failed, len(s.Pauses))
	}
}

func TestDoubtsOfEverybodyStopTheRun(t *testing.T) {
	onEachEngine(t, testDoubtsOfEverybodyStopTheRun)
}

func testDoubtsOfEverybodyStopTheRun(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, "plan.workers = 1", "smtp.connections = 1")
	w.importMany(20)
	w.smtp.SetFaults(sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut})
	w.alta(3, "run")
	if mails := len(w.smtp.Mails()); mails != 3 {
		t.Errorf("%d mails are in doubt, want the three that made it known", mails)
	}
	w.smtp.SetFaults()
	clock.advance(time.Hour)
	w.run(0)
	for i := range 20 {
		mails := w.mailsTo(fmt.Sprintf("u%02d@correo.example", i))
		if len(mails) == 2 && string(mails[0].Raw) != string(mails[1].Raw) {
			t.Errorf("user %d got two mails that are not the same", i)
		}
		if len(mails) == 0 || len(mails) > 2 {
			t.Errorf("user %d got %d mails", i, len(mails))
		}
	}
}
