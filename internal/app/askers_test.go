package app

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
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

// waiting is a world whose users have clicked in vain, and may ask for a mail.
type waiting struct {
	*world
	*askers
	clock  *testClock
	ledger tickets
}

// await mails the people a lasting link.
func await(t *testing.T, people []person, settings ...string) *waiting {
	t.Helper()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, append(settings, withBase, withListener)...)
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	if r := w.run(0); r.Sent != len(people) {
		t.Fatalf("the run: %+v", r)
	}
	e := w.publicEngine()
	return &waiting{w, &askers{engine: e, open: e.opener().Open}, clock, tickets{e.store, e.plan.MaxMails}}
}

// ticket is that of the user's latest mail.
func (w *waiting) ticket(p person) pipeline.TicketDigest {
	w.t.Helper()
	mails := w.mailsTo(p.email)
	link := readMail(w.t, mails[len(mails)-1]).links[0]
	return pipeline.DigestTicket(link[strings.LastIndex(link, "/")+1:])
}

// wish has the user click in vain, and ask for a mail.
func (w *waiting) wish(p person, down sandbox.APIAnswer) {
	w.t.Helper()
	w.api.SetFaults(sandbox.APIFault{Answer: down})
	digest := w.ticket(p)
	if _, _, err := w.open(w.t.Context(), pipeline.Holder{Ticket: &digest}); err == nil {
		w.t.Fatal("a session was opened while the partner API is down")
	}
	check(w.t, w.ledger.AskLater(w.t.Context(), digest, w.clock.now()))
	w.clock.advance(time.Second)
}

// wantRound makes a round, and tells how many probes it makes, and how many mails are
// due then.
func (w *waiting) wantRound(probes, due int, why string) {
	w.t.Helper()
	const made = `SELECT count(*) FROM sessions WHERE probe`
	before := w.number(made)
	check(w.t, w.round(w.t.Context()))
	w.clock.advance(time.Minute)
	if n := w.number(made) - before; n != probes {
		w.t.Errorf("%s: %d probes, want %d", why, n, probes)
	}
	n, err := w.ledger.ledger.(ledger).CountDue(w.t.Context(), w.clock.now())
	check(w.t, err)
	if n != due {
		w.t.Errorf("%s: %d mails are due, want %d", why, n, due)
	}
}

// Answers of a partner API that is down.
var (
	down     = sandbox.APIAnswer{Status: 503}
	doubtful = sandbox.APIAnswer{Status: 502}
	noDO     = sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 400, Code: "KYC_TEMPLATE_NOT_CONFIGURED_ERROR", Message: "KYC template not configured for DO"}, Country: pipeline.DO}
)

// Who asked for a mail gets one once a link could be minted: one is tried a round, and
// whoever the same call serves is mailed with that. Who is done gets none, and who
// can't have a link for reasons of their own keeps nobody from theirs.
func TestAskersAreMailedWhenThePartnerIsBack(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		people := sixty()[:6] // Mexico and the Dominican Republic by turns
		w := await(t, people)
		for _, p := range people {
			w.wish(p, down)
		}
		w.api.SetFaults(sandbox.APIFault{Answer: down}, sandbox.APIFault{Answer: down, Details: true})
		w.wantRound(0, 0, "while it is down nobody's session is spent on a look")
		w.api.SetFaults(sandbox.APIFault{Answer: down})
		w.wantRound(1, 0, "while it answers and mints nothing")
		w.wantRound(1, 0, "while it still mints nothing")
		w.alta(0, "users", "mark", people[2].id, "verified")
		w.api.SetFaults(noDO)
		w.wantRound(1, 0, "the third is done, and the Dominican Republic not set up")
		w.wantRound(1, 2, "a user in Mexico gets a link, and so all there are mailed but who is done")
		w.wantRound(1, 2, "the last one who was not tried")
		w.wantRound(1, 2, "all were tried, and it begins anew at once")
		w.api.SetFaults()
		w.wantRound(1, 5, "with another one all in the Dominican Republic are mailed")
		w.wantRound(0, 5, "nobody is left")
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

// A link that was minted before shows nothing of this moment: it answers one user. And
// who opted out is told when the partner API is back, and not before.
func TestAskersAreNotMailedWhileThePartnerIsDown(t *testing.T) {
	t.Parallel()
	people := sixty()[:6]
	people = []person{people[0], people[2], people[4]} // all in Mexico
	w := await(t, people)
	e := w.askers.engine
	left := w.ticket(people[0])
	_, _, err := w.ledger.OptOut(t.Context(), left, w.clock.now())
	check(t, err)
	w.alta(0, "resend", "--user", people[0].id, "--reason", "llamó", "--force")
	if n := len(w.mailsTo(people[0].email)); n != 2 {
		t.Fatalf("who opted out has %d mails", n)
	}
	for _, p := range people {
		w.wish(p, down)
	}
	w.wantRound(1, 0, "who opted out is tried, like others")
	w.api.SetFaults()
	_, _, err = e.opener().Open(t.Context(), pipeline.Holder{UserID: people[1].id}) // for an app
	check(t, err)
	w.api.SetFaults(sandbox.APIFault{Answer: down})
	w.wantRound(1, 1, "who has a link is mailed, and the third tried")
	w.api.SetFaults()
	w.wantRound(1, 3, "all are mailed")
	w.wantRound(0, 3, "nobody is left")
}

// What is lost to a partner API that is down is the users' own budget. Once nobody is
// left to mint for, it is enough that the API answers.
func TestAskersWhoseBudgetIsSpentAreMailed(t *testing.T) {
	t.Parallel()
	people := sixty()[:1]
	w := await(t, people, "plan.max_links = 1")
	w.wish(people[0], doubtful)
	w.api.SetFaults(sandbox.APIFault{Answer: down, Details: true})
	w.wantRound(0, 0, "while it is down")
	w.api.SetFaults()
	w.wantRound(0, 1, "once it answers")
}

// Why no mail may follow is told apart from a link that nobody knows.
func TestWhoMayNotAskIsToldWhy(t *testing.T) {
	t.Parallel()
	people := sixty()[:1]
	w := await(t, people)
	ask := func() error { return w.ledger.AskLater(t.Context(), w.ticket(people[0]), w.clock.now()) }
	if err := ask(); !errors.Is(err, web.ErrNoTrouble) {
		t.Errorf("while nothing is wrong: %v", err)
	}
	for status, code := range map[string]string{"in_review": store.CodeWishVain, "verified": "user_verified"} {
		w.alta(0, "users", "mark", people[0].id, status)
		err := ask()
		if f := pipeline.AsFault(err); f.Kind != pipeline.Cancel || f.Code != code || errors.Is(err, web.ErrUnknownTicket) {
			t.Errorf("%s: %v", status, err)
		}
	}
	if err := w.ledger.AskLater(t.Context(), pipeline.DigestTicket("nobody's"), w.clock.now()); !errors.Is(err, web.ErrUnknownTicket) {
		t.Errorf("a link that nobody knows: %v", err)
	}
}
