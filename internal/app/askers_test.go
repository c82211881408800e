package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// publicEngine is a wired engine on the world's ledger, inside this process.
func (w *world) publicEngine() *engine {
	w.t.Helper()
	w.setDatabaseClock()
	log := &bytes.Buffer{}
	a := &app{
		in: strings.NewReader(""), out: &bytes.Buffer{}, screen: &screen{out: log}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t), configFile: w.path(defaultConfigFile),
	}
	s, err := a.openStore(w.t.Context())
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, s.Close()) })
	e, err := a.newEngine(w.t.Context(), s)
	check(w.t, err)
	w.t.Cleanup(func() {
		check(w.t, e.close())
		w.wantNoSecret(log.String())
	})
	return e
}

// Who asked for a mail gets one once a link could be minted: one is tried a round, and
// whoever the same call serves is mailed with that. Who is done gets none, and who
// can't have a link for reasons of their own keeps nobody from theirs.
func TestAskersAreMailedWhenThePartnerIsBack(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
		w := newWorld(t, clock.now, withBase, withListener)
		people := sixty()[:6] // Mexico and the Dominican Republic by turns
		w.write("users.csv", csvOf(people))
		w.alta(0, "users", "import", w.path("users.csv"))
		if r := w.run(0); r.Sent != 6 {
			t.Fatalf("the run: %+v", r)
		}
		e := w.publicEngine()
		ledger := tickets{e.store}
		for _, p := range people {
			link := readMail(t, w.mailsTo(p.email)[0]).links[0]
			clock.advance(time.Second)
			check(t, ledger.AskLater(t.Context(), pipeline.DigestTicket(link[strings.LastIndex(link, "/")+1:]), clock.now()))
		}
		wait := askers{engine: e, open: e.opener().Open}
		round := func(mints, due int, why string) {
			t.Helper()
			before := w.api.Calls()
			check(t, wait.round(t.Context()))
			clock.advance(time.Minute)
			if n := w.api.Calls() - before; n != mints {
				t.Errorf("%s: the partner API was asked %d times, want %d", why, n, mints)
			}
			n, err := e.store.CountDue(t.Context(), clock.now())
			check(t, err)
			if n != due {
				t.Errorf("%s: %d mails are due, want %d", why, n, due)
			}
		}

		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 503}})
		round(1, 0, "while it is down")
		round(1, 0, "while it is still down")
		w.alta(0, "users", "mark", people[2].id, "verified")
		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 400, Code: "KYC_TEMPLATE_NOT_CONFIGURED_ERROR", Message: "KYC template not configured for DO"}, Country: pipeline.DO})
		round(1, 0, "the third is done, and the Dominican Republic not set up")
		round(1, 2, "a user in Mexico gets a link, and so all there are mailed but who is done")
		w.api.SetFaults()
		round(1, 5, "the last one who was not tried, with whom all in the Dominican Republic are mailed")
		round(0, 5, "nobody is left")
		if n := w.number(`SELECT count(*) FROM askers`); n != 0 {
			t.Errorf("%d users are not answered", n)
		}
		if r := w.run(0); r.Sent != 5 {
			t.Errorf("the run: %+v, want a mail to each who is not done", r)
		}
		for i, p := range people {
			mails := w.mailsTo(p.email)
			if want := 2; i == 2 {
				if len(mails) != 1 {
					t.Errorf("a user who is done got %d mails", len(mails))
				}
			} else if len(mails) != want || !strings.Contains(readMail(t, mails[1]).text, "otra vez el enlace") {
				t.Errorf("user %d got %d mails", i, len(mails))
			}
		}
	})
}
