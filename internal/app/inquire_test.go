package app

import (
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// Where capa.check_status says so, the partner API is asked before a reminder, and who
// is verified hears no more though no webhook came; a click of such a user opens
// nothing.
func TestTheStatusIsAskedBeforeAReminder(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		for _, c := range []struct {
			sentence string
			settings []string
		}{
			{"with lasting links", []string{withBase, withListener}},
			{"with KYC links", []string{`plan.reissue_on_expiry = false`}},
		} {
			t.Run(c.sentence, func(t *testing.T) {
				clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
				w := newWorld(t, clock.now, append(c.settings, `capa.check_status = "reminders"`)...)
				people := sixty()[:2]
				w.write("users.csv", csvOf(people))
				w.alta(0, "users", "import", w.path("users.csv"))
				if r := w.run(0); r.Sent != 2 {
					t.Fatalf("the invites: %+v", r)
				}
				w.api.SetVerification(people[0].id, "VERIFIED")
				clock.advance(25 * time.Hour)
				if r := w.run(0); r.Sent != 1 || r.Cancelled != 1 {
					t.Errorf("the reminders: %+v, want one sent and one cancelled", r)
				}
				if n := w.number(`SELECT count(*) FROM users WHERE status = 'verified'`); n != 1 {
					t.Errorf("%d users are verified, want the one of whom the API says so", n)
				}
				if story := w.alta(0, "explain", people[0].id); !strings.Contains(story, "the partner API was asked") || !strings.Contains(story, "Nothing: the user is verified") {
					t.Errorf("explain:\n%s", story)
				}
			})
		}
	})
}

// Where the question of capa.check_status has no answer, the mail goes out and the click
// goes on. One that shows a refused key stops the mails, and is not forgotten before the
// key is good.
func TestAQuestionWithoutAnAnswerStopsNothing(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, withBase, withListener, `capa.check_status = "always"`)
	people := sixty()[:1]
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 503}, Details: true})
	if r := w.run(0); r.Sent != 1 || r.Outage != "" {
		t.Fatalf("a mail while nobody answers: %+v", r)
	}
	e := w.publicEngine()
	if _, minted, err := e.opener().Open(t.Context(), pipeline.Holder{UserID: people[0].id}); err != nil || !minted {
		t.Errorf("a click while nobody answers: %v", err)
	}

	refused := sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 401, Code: "UNAUTHORIZED", Message: "Invalid API Key"}, Details: true}
	w.api.SetFaults(refused)
	clock.advance(24 * time.Hour)
	if r := w.run(3); r.Sent != 0 || r.Outage == "" {
		t.Fatalf("a key that is refused: %+v", r)
	}
	w.alta(0, "users", "mark", people[0].id, "in_review") // nothing is due
	clock.advance(time.Hour)
	if r := w.run(3); r.Outage == "" || w.number(`SELECT count(*) FROM pauses`) != 1 {
		t.Errorf("the outage is lifted while the key is refused: %+v", r)
	}
	w.api.SetFaults()
	clock.advance(time.Hour)
	if r := w.run(0); r.Outage != "" || w.number(`SELECT count(*) FROM pauses`) != 0 {
		t.Errorf("the outage stays: %+v", r)
	}
}
