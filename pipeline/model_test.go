package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// TestPlanOnAnyClock drives users through plan, verdicts and records with every
// fault there is, while the clock is set ahead and back, programs die and
// operators interfere.
func TestPlanOnAnyClock(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: rt, seen: seen, now: ten.Add(seconds(0, 365*24*time.Hour).Draw(rt, "start"))}
		m.plan, m.hours = drawPlan(rt)
		for range rapid.IntRange(1, 3).Draw(rt, "users") {
			l := &life{user: maria(zones.Draw(rt, "zone"))}
			m.lives = append(m.lives, l)
			m.owe(l)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"":       func(*rapid.T) { m.check() },
			"run":    m.run,
			"runs":   m.runs,
			"step":   m.step,
			"crash":  m.crash,
			"news":   m.news,
			"resend": m.resend,
			"replan": m.replan,
		})
	})
	for _, what := range []string{"sent", "failed", "held", "doubt", "repeat", "cancelled", "put back", "set back"} {
		if seen[what] == 0 {
			t.Errorf("%q never came up, so this shows little", what)
		}
	}
}

// life is one user, and the one delivery that is open, if any.
type life struct {
	user     pipeline.User
	history  pipeline.History
	open     *pipeline.Delivery
	state    pipeline.State // of the open one
	accepted []time.Time    // mails that the server took, by the clock of then
	gaveUp   bool           // the latest delivery failed: only an operator goes on
}

// model is a ledger in memory, on a clock that anybody may set.
type model struct {
	t       *rapid.T
	seen    map[string]int
	plan    pipeline.Plan
	hours   string
	now     time.Time
	lives   []*life
	id      int64
	fault   *pipeline.Fault // what the latest attempt met
	settled map[int64]bool
	// The plan was changed: a user may owe the end of the sequence to the one before.
	replanned bool
}

func (m *model) clock() time.Time { return m.now }

func (m *model) drawLife(t *rapid.T) *life { return rapid.SampledFrom(m.lives).Draw(t, "user") }

// runs lets time go on as it should, with runs that come late by anything from
// nothing to days.
func (m *model) runs(t *rapid.T) {
	late := rapid.OneOf(rapid.Just(time.Duration(0)), seconds(0, 5*time.Minute), seconds(0, 3*24*time.Hour))
	for range rapid.IntRange(3, 20).Draw(t, "runs") {
		for _, l := range m.lives {
			if l.open != nil && l.state == pipeline.Due && l.open.DueAt.After(m.now) {
				m.now = l.open.DueAt
			}
		}
		m.now = m.now.Add(late.Draw(t, "late"))
		m.run(t)
	}
}

// run delivers what is due, as [pipeline.Run] does one by one.
func (m *model) run(t *rapid.T) {
	deliver := pipeline.Record(m, m.plan, m.clock, m.attempt, nil)
	for _, l := range m.lives {
		if !m.claim(l) {
			continue
		}
		if _, err := deliver(t.Context(), l.open); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *model) claim(l *life) bool {
	if l.open == nil || l.state != pipeline.Due || l.open.DueAt.After(m.now) {
		return false
	}
	l.state = pipeline.Claimed
	l.open.User, l.open.History = l.user, l.history
	return true
}

// attempt is the stages: the one place where mail leaves the house.
func (m *model) attempt(_ context.Context, d *pipeline.Delivery) error {
	m.leaves(d)
	if !d.Link.Usable(m.now, time.Hour) {
		if d.Repeat {
			m.fault = &pipeline.Fault{Kind: pipeline.Cancel, Code: "doubt_expired"}
			return m.fault
		}
		d.Link = link("https://kyc.example/1", m.now)
	}
	m.now = m.now.Add(seconds(0, 2*time.Minute).Draw(m.t, "took"))
	m.fault = nil
	if rapid.IntRange(0, 2).Draw(m.t, "ends well") > 0 {
		return nil
	}
	m.fault = &pipeline.Fault{
		Kind:  pipeline.Kind(rapid.IntRange(int(pipeline.Retry), int(pipeline.Cancel)).Draw(m.t, "kind")),
		Code:  rapid.SampledFrom([]string{"a", "b"}).Draw(m.t, "code"),
		After: rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Minute, time.Hour}).Draw(m.t, "after"),
		Once:  rapid.Bool().Draw(m.t, "once"),
		Free:  rapid.Bool().Draw(m.t, "free"),
	}
	return m.fault
}

// leaves checks a mail that is about to go out. A repeat is the mail before it
// once more, which neither the gap nor the most mails stops.
func (m *model) leaves(d *pipeline.Delivery) {
	l := m.lifeOf(d)
	if l.user.Status != pipeline.Pending {
		m.t.Fatalf("a mail to a user who is %s", l.user.Status)
	}
	if d.Repeat {
		m.seen["repeat"]++
	}
	if d.Operator {
		return
	}
	if local := m.now.In(l.user.Location()); !inside(m.hours, local) {
		m.t.Fatalf("a mail at %v, outside %s", local, m.hours)
	}
	if n := len(l.accepted); n >= m.plan.MaxMails && !d.Repeat {
		m.t.Fatalf("mail %d, the most is %d", n+1, m.plan.MaxMails)
	}
	for _, at := range l.accepted[max(0, len(l.accepted)-1):] {
		if gap := m.now.Sub(at); gap < m.plan.MinGap && !d.Repeat {
			m.t.Fatalf("a mail %s after the one before, the gap is %s", gap, m.plan.MinGap)
		}
	}
}

// Record implements [pipeline.Recorder].
func (m *model) Record(_ context.Context, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	l := m.lifeOf(d)
	if l.state != pipeline.Claimed || m.settled[d.ID] {
		m.t.Fatalf("%s: a verdict on a delivery that is %s", d, l.state)
	}
	l.state = v.State
	switch v.State {
	case pipeline.Due:
		m.putOff(d, v, now)
	case pipeline.Sent:
		if m.fault != nil {
			m.t.Fatalf("sent, though it met %+v", m.fault)
		}
		l.history = l.history.After(d, now)
		l.accepted = append(l.accepted, now)
	case pipeline.Failed, pipeline.Cancelled, pipeline.Held, pipeline.InDoubt:
	default:
		m.t.Fatalf("the verdict is %q, which is none", v.State)
	}
	m.seen[string(v.State)]++
	if slices.Contains([]pipeline.State{pipeline.Sent, pipeline.Failed, pipeline.Cancelled}, v.State) {
		m.settle(l)
		l.gaveUp = v.State == pipeline.Failed
	} else if v.Next != nil {
		m.t.Fatalf("%s is %s and another is owed as well", d, v.State)
	}
	if v.Next != nil {
		m.add(l, *v.Next)
	}
	d.LastCode = v.Code
	if v.Paid {
		d.Attempt++
	}
	if v.Outcome == pipeline.OutcomeDoubt {
		d.Doubts++
	}
	return nil
}

// putOff checks when the delivery is tried again, and writes it down.
func (m *model) putOff(d *pipeline.Delivery, v pipeline.Verdict, now time.Time) {
	opens := func(at time.Time) time.Time {
		if d.Operator {
			return at
		}
		return m.plan.Hours.Next(at, d.User.Location())
	}
	least, most := now.Add(time.Minute), now.Add(time.Hour)
	switch {
	case !v.Tried:
		m.seen["put back"]++
		if !v.DueAt.After(now) {
			m.t.Fatalf("put back to %v, which is not later than %v", v.DueAt, now)
		}
	case v.Pause != nil:
		if v.Paid || !v.DueAt.Equal(d.DueAt) || v.Pause.ProbeAt.After(now.Add(pipeline.LongestPause)) {
			m.t.Fatalf("a pause %+v moved the delivery or made it pay: %+v", v.Pause, v)
		}
	case m.fault == nil: // its process died
		if !v.DueAt.Equal(now) {
			m.t.Fatalf("an orphan is due at %v, want at once, %v", v.DueAt, now)
		}
	case m.fault.After > 0:
		if want := opens(now.Add(m.fault.After)); !v.DueAt.Equal(want) {
			m.t.Fatalf("asked to wait for %s at %v: due at %v, want %v", m.fault.After, now, v.DueAt, want)
		}
	default:
		if v.DueAt.Before(opens(least)) || v.DueAt.After(opens(most)) {
			m.t.Fatalf("tried again at %v, want %v to %v", v.DueAt, opens(least), opens(most))
		}
	}
	if v.Paid && v.Outcome == pipeline.OutcomeRetry && d.Attempt >= m.plan.Tries {
		m.t.Fatalf("attempt %d of %d is tried again", d.Attempt, m.plan.Tries)
	}
	if d.Repeat && !v.Repeat {
		m.t.Fatal("a mail in doubt would go out as another one")
	}
	d.DueAt, d.Repeat = v.DueAt, v.Repeat
}

// step sets the clock.
func (m *model) step(t *rapid.T) {
	by := rapid.OneOf(
		rapid.SampledFrom([]time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 31 * 24 * time.Hour}),
		seconds(-72*time.Hour, 72*time.Hour),
	).Draw(t, "by")
	if by < 0 {
		m.seen["set back"]++
	}
	m.now = m.now.Add(by)
}

// crash lets the process die with a mail on the wire; another one finds it when
// the clock shows any time.
func (m *model) crash(t *rapid.T) {
	l := m.drawLife(t)
	if !m.claim(l) {
		t.Skip("nothing is due")
	}
	v, wait := m.plan.Admit(l.open, m.now)
	if !wait {
		m.leaves(l.open)
		if !l.open.Repeat {
			l.open.Link = link("https://kyc.example/1", m.now)
		}
		m.step(t)
		m.fault = nil
		v = m.plan.JudgeOrphan(l.open, m.now)
	}
	if err := m.Record(t.Context(), l.open, v, m.now); err != nil {
		t.Fatal(err)
	}
}

// news moves a user's status, as an import or an operator does.
func (m *model) news(t *rapid.T) {
	l := m.drawLife(t)
	is := rapid.SampledFrom(pipeline.Statuses()).Draw(t, "status")
	if rapid.Bool().Draw(t, "from outside") {
		was := l.user.Status
		is = was.Advance(is)
		ends := was == pipeline.OptedOut && (is == pipeline.Verified || is == pipeline.Rejected)
		if was != pipeline.Pending && was != pipeline.InReview && is != was && !ends {
			t.Fatalf("news moved a user from %s to %s", was, is)
		}
	}
	back := l.user.Status != pipeline.Pending && is == pipeline.Pending
	l.user.Status = is
	if is != pipeline.Pending && l.open != nil {
		m.settle(l)
	}
	if back {
		m.owe(l)
	}
}

// resend is an operator's wish: a mail in doubt once more, or a new one now.
func (m *model) resend(t *rapid.T) {
	l := m.drawLife(t)
	if l.user.Status != pipeline.Pending {
		t.Skip("no mail may go to the user")
	}
	if l.open != nil && (l.state == pipeline.InDoubt || l.open.Repeat) {
		l.state, l.open.DueAt, l.open.Operator, l.open.Doubts = pipeline.Due, m.now, true, 0
		return
	}
	if l.open != nil {
		m.settle(l)
	}
	m.add(l, pipeline.Next{Step: pipeline.ResendStep(l.history), DueAt: m.now, Operator: true})
}

// replan changes the configuration, and starts again with it.
func (m *model) replan(t *rapid.T) {
	m.plan, m.hours = drawPlan(t)
	m.replanned = true
}

func (m *model) lifeOf(d *pipeline.Delivery) *life {
	i := slices.IndexFunc(m.lives, func(l *life) bool { return l.open == d })
	if i < 0 {
		m.t.Fatalf("%s is not open", d)
	}
	return m.lives[i]
}

func (m *model) settle(l *life) {
	if m.settled == nil {
		m.settled = map[int64]bool{}
	}
	m.settled[l.open.ID] = true
	l.open = nil
}

func (m *model) owe(l *life) {
	if next, owed := m.plan.Next(l.user, l.history, m.now); owed {
		m.add(l, next)
	}
}

func (m *model) add(l *life, next pipeline.Next) {
	if l.open != nil {
		m.t.Fatalf("%s is owed while %s is open", next.Step, l.open)
	}
	m.id++
	l.gaveUp = false
	l.state = pipeline.Due
	l.open = &pipeline.Delivery{ID: m.id, User: l.user, Step: next.Step, Attempt: 1, DueAt: next.DueAt, Operator: next.Operator}
}

// check looks for users whom the plan has forgotten.
func (m *model) check() {
	for _, l := range m.lives {
		if l.open != nil && l.state == pipeline.Claimed {
			m.t.Fatalf("%s is left claimed", l.open)
		}
		if next, owed := m.plan.Next(l.user, l.history, m.now); owed && l.open == nil && !l.gaveUp && !m.replanned {
			m.t.Fatalf("a %s is owed and nothing is open", next.Step)
		}
	}
}
