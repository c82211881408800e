package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/sandbox"
	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// apiPlay is one cell of the API matrix in play. Every run is a process of its
// own as far as the partner client can tell: it remembers nothing.
type apiPlay struct {
	base *engine
	row  apiRow
	want apiCell

	*world
	clock    *testClock
	door     *door                    // where a connection can be refused
	attempts map[pipeline.Outcome]int // those that were made, over all runs
}

// apiBase is what all plays share: the templates, which take longer to check
// than a run.
func apiBase(t *testing.T) *engine {
	w := newWorld(t, time.Now)
	a := w.process(io.Discard)
	s, err := a.openStore(t.Context())
	check(t, err)
	defer func() { check(t, s.Close()) }()
	e, err := a.newEngine(t.Context(), s)
	check(t, err)
	check(t, e.close())
	return e
}

// process is one invocation of the program in this process.
func (w *world) process(log io.Writer) *app {
	return &app{
		in: strings.NewReader(""), out: log, screen: &screen{out: log}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t), configFile: w.path(defaultConfigFile),
	}
}

// setUp starts the servers and takes the six users in.
func (p *apiPlay) setUp(t *testing.T) {
	p.clock = &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	now := pipeline.Clock(p.clock.now)
	if p.row.pause > 0 {
		// The run itself waits: the clock has to go on.
		started := time.Now()
		now = func() time.Time { return p.clock.now().Add(time.Since(started)) }
	}
	p.attempts = map[pipeline.Outcome]int{}
	p.world = newWorld(t, now)
	p.configureWith()
	p.importMany(6)
}

// configureWith writes the configuration of the cell, which more wins over.
func (p *apiPlay) configureWith(more ...string) {
	settings := []string{"plan.workers = 1", "smtp.connections = 1", "plan.reminders = []", "plan.reissue_on_expiry = false"}
	if p.row.timeout > 0 {
		settings = append(settings, fmt.Sprintf("capa.timeout = %q", p.row.timeout))
	}
	p.configure(append(settings, more...)...)
}

func (p *apiPlay) play(t *testing.T) {
	p.setUp(t)
	start := p.clock.now()
	p.breakIt()
	after := p.run()
	if p.want.calls == everyOfOne {
		after = p.runUntilSettled(after)
	}
	want := p.want
	got := apiCell{
		calls: p.want.calls, attempts: tally(p.attempts), states: after.states(), pause: after.pause(),
		paid: after.paid, doubtful: after.doubtful, mails: p.want.mails,
	}
	if p.postgres != "" {
		want.states, got.states = soon(want.states), soon(got.states)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(apiCell{})); diff != "" {
		t.Errorf("after the fault (-want +got):\n%s", diff)
	}
	if p.row.pause > 0 && p.want.calls == firstCall {
		if waited := p.api.Mints()[0].At.Sub(start); waited < p.row.pause {
			t.Errorf("a link was minted %s after the API asked for a pause of %s", waited, p.row.pause)
		}
	}
	if p.want.calls == everyCall && p.want.pause != "" {
		p.wantPatience(after)
	}

	p.mendIt()
	p.runUntilSettled(after)
	p.wantMails()
}

// breakIt arms the fault.
func (p *apiPlay) breakIt() {
	f := p.row.fault
	switch p.want.calls {
	case firstCall:
		f.Call = 1
	case thirdCall:
		f.Call = 3
	case everyOfOne:
		f.User = "u-00"
	}
	switch p.row.wire {
	case "":
		p.api.SetFaults(f)
	case "tls":
		p.configureWith(fmt.Sprintf("capa.base_url = %q", "https"+strings.TrimPrefix(p.api.URL(), "http")))
	case "dns":
		p.configureWith(`capa.base_url = "https://capa.invalid"`) // RFC 6761: it never exists
	case "dial":
		p.door = newDoor(p.t, p.api.URL())
		p.configureWith(fmt.Sprintf("capa.base_url = %q", p.door.url()))
		if p.want.calls == thirdCall {
			p.door.open()
			p.onKept(func(sandbox.Mail) {
				if len(p.api.Mints()) == 2 {
					p.door.shut()
				}
			})
		}
	}
}

// mendIt ends the fault.
func (p *apiPlay) mendIt() {
	p.api.SetFaults()
	if p.row.wire != "" {
		p.configureWith()
	}
}

// run makes a run in a process of its own and returns the ledger after it. What
// it reports must add up, and what it logs must hold no secret.
func (p *apiPlay) run() apiLedger {
	p.t.Helper()
	p.setDatabaseClock()
	var log bytes.Buffer
	a := p.process(&log)
	s, err := a.openStore(p.t.Context())
	check(p.t, err)
	defer func() { check(p.t, s.Close()) }()
	check(p.t, a.useKey(p.t.Context(), s))

	e := &engine{
		config: a.config, log: a.log, now: a.now, store: s, plan: a.config.Plan.Plan(),
		mails: p.base.mails, smtp: p.base.smtp,
	}
	e.file, _ = s.(fileLedger)
	e.capa, err = newCapa(a.config, a.now)
	check(p.t, err)
	e.mailer, err = newMailer(a.config, a.now, func(string) {})
	check(p.t, err)
	e.metrics = web.NewMetrics(e.snapshot)
	defer func() { check(p.t, e.close()) }()

	counted := 0
	right, err := e.takeRight(p.t.Context())
	check(p.t, err)
	r, err := right.run(p.t.Context(), pass{trigger: store.ByCommand, done: func(_ *pipeline.Delivery, v pipeline.Verdict, _ pipeline.Report) {
		counted++
		if v.Tried {
			p.attempts[v.Outcome]++
		}
		if p.door != nil && v.Code == "capa.unreachable" && p.want.calls != everyCall {
			p.door.open()
		}
	}})
	check(p.t, errors.Join(err, right.give(p.t.Context())))
	if sum := r.Sent + r.Retry + r.Failed + r.Held + r.Doubt + r.Cancelled; sum != r.Selected || counted != r.Selected {
		p.t.Errorf("the report does not add up to %d: %+v", counted, r)
	}
	p.wantNoSecret(log.String())

	l := p.readAPILedger()
	if _, outage := l.outage(); outage != (r.Outage != "") {
		p.t.Errorf("the report's outage is %q, the ledger's pause %q", r.Outage, l.pause())
	}
	p.wantNoLostLink(l)
	return l
}

// runUntilSettled moves the clock to whatever comes next, and makes a run, until
// nothing is due or paused any more.
func (p *apiPlay) runUntilSettled(l apiLedger) apiLedger {
	p.t.Helper()
	for range 30 {
		if l.settled() {
			return l
		}
		p.clock.advance(l.next(p.now()).Sub(p.now()))
		l = p.run()
	}
	p.t.Fatalf("not settled after 30 runs: %s, %s", l.states(), l.pause())
	return l
}

// wantPatience makes more runs while everything is paused: none may call the API
// before the time, nor more than once, and nobody pays or is mailed.
func (p *apiPlay) wantPatience(before apiLedger) {
	p.t.Helper()
	for range 2 {
		p.clock.advance(7 * time.Minute)
		most := 1
		if probeAt, _ := before.outage(); probeAt.After(p.now()) {
			most = 0
		}
		calls, mails := p.api.Calls(), len(p.smtp.Mails())
		l := p.run()
		if made := p.api.Calls() - calls; made > most || l.paid != before.paid || len(p.smtp.Mails()) != mails || l.pause() == "" {
			p.t.Errorf("while the fault lasts: %d calls of at most %d, paid %d then %d, pause %q", made, most, before.paid, l.paid, l.pause())
		}
		before = l
	}
}

// wantNoLostLink wants the links that the API minted beyond those in mails, each
// of which has one of its own, to be doubtful mints or in the ledger for mails
// to come.
func (p *apiPlay) wantNoLostLink(l apiLedger) {
	p.t.Helper()
	if extra := len(p.api.Mints()) - len(p.smtp.Mails()); extra > l.doubtful+l.kept {
		p.t.Errorf("%d links were minted beyond those in mails; %d mints are doubtful, %d links are kept", extra, l.doubtful, l.kept)
	}
}

// wantMails wants one mail for each user who is not failed or held, none for
// the others, and in each a link that the API minted for its reader.
func (p *apiPlay) wantMails() {
	p.t.Helper()
	got := 0
	for i := range 6 {
		id := fmt.Sprintf("u-%02d", i)
		mails := p.mailsTo(fmt.Sprintf("u%02d@correo.example", i))
		if len(mails) > 1 {
			p.t.Errorf("%s got %d mails", id, len(mails))
		}
		for _, m := range mails {
			got++
			for _, link := range readMail(p.t, m).links {
				minted := slices.ContainsFunc(p.minted(id), func(m sandbox.Mint) bool { return m.Link.Reveal() == link })
				if !minted || !strings.HasPrefix(link, "https://kyc.sandbox.example/session?_al=") || len(link) > 200 {
					p.t.Errorf("%s was mailed the link %q; minted for that user: %t", id, link, minted)
				}
			}
		}
	}
	if got != p.want.mails {
		p.t.Errorf("%d users got their mail in the end, want %d", got, p.want.mails)
	}
}

// tally writes counts in the order of the outcomes.
func tally(of map[pipeline.Outcome]int) string {
	var parts []string
	for _, o := range []pipeline.Outcome{
		pipeline.OutcomeSent, pipeline.OutcomeFailed, pipeline.OutcomeRetry, pipeline.OutcomeHeld, pipeline.OutcomeDoubt, pipeline.OutcomeCancelled,
	} {
		if of[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", of[o], o))
		}
	}
	return strings.Join(parts, ", ")
}

// soon adds up what is due now and in some seconds. A run on PostgreSQL claims what
// has come due while it waited for the API, and puts it back as it was, which shows
// in the time of the row.
func soon(states string) string {
	sum, others := 0, []string{}
	for part := range strings.SplitSeq(states, ", ") {
		var n int
		if _, err := fmt.Sscanf(part, "%d due", &n); err == nil && (strings.HasSuffix(part, "due now") || strings.HasSuffix(part, "due in seconds")) {
			sum += n
			continue
		}
		others = append(others, part)
	}
	if sum > 0 {
		others = append(others, fmt.Sprintf("%d due soon", sum))
	}
	return strings.Join(others, ", ")
}
