package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
	"alta/store"
)

// InvariantLedger is a [Ledger] that can be looked into.
type InvariantLedger interface {
	Ledger

	// Check returns an error where a figure that is kept differs from the rows.
	Check(ctx context.Context) error

	// Column returns the one column of text that the query selects. Its parameters
	// are $1 and so on, in the order in which they stand in the query.
	Column(ctx context.Context, query string, args ...any) ([]string, error)
}

// Invariants does what operators, imports and runs may do in any order and looks
// at the whole ledger after each step. Each life begins with an empty ledger from
// open, which also sees to closing it.
func Invariants(t *testing.T, open func(t *rapid.T) InvariantLedger) {
	key := newKey(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{
			ledger: open(rt), t: rt,
			now:     time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC),
			settled: map[string]string{},
		}
		m.must(m.ledger.UseKey(rt.Context(), key))
		m.plan = pipeline.Plan{
			Reminders: []time.Duration{24 * time.Hour}, ReissueOnExpiry: true, MinGap: time.Hour,
			MaxMails: 4, Tries: 2, ResendDoubt: rapid.Bool().Draw(rt, "resend doubt"),
		}
		m.startRun()
		actions := map[string]func(*rapid.T){
			"":         func(*rapid.T) { m.check() },
			"enrol":    m.enrol,
			"source":   m.source,
			"pull":     m.pull,
			"begin":    m.begin,
			"record":   m.record,
			"put back": m.putBack,
			"mark":     m.mark,
			"resend":   m.resend,
			"erase":    m.erase,
			"shred":    func(*rapid.T) { m.must(m.ledger.Shred(rt.Context(), m.now)) },
			"recover":  func(*rapid.T) { m.recover() },
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "hours")) * time.Hour)
			},
		}
		maps.Copy(actions, m.publicActions())
		rt.Repeat(actions)
	})
}

// machine drives one ledger and remembers what must never change.
type machine struct {
	t        *rapid.T
	ledger   InvariantLedger
	q        Queue
	now      time.Time
	plan     pipeline.Plan
	inFlight []*flight
	attempts []string
	settled  map[string]string // by delivery
	public
}

// flight is a delivery that a run has in hand.
type flight struct {
	pipeline.Delivery
	minted bool
}

var machineActor = store.Act{Actor: "machine", Reason: "test"}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) next(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
	return m.plan.Next(u, h, m.now)
}

func (m *machine) startRun() {
	id, _, err := m.ledger.StartRun(m.t.Context(), store.ByCommand, time.Time{}, m.plan.MinGap, m.now)
	m.must(err)
	m.q = m.ledger.Queue(id, store.Everything)
}

func drawID(t *rapid.T) string {
	return rapid.SampledFrom([]string{"ana", "bob", "cid", "eve"}).Draw(t, "user")
}

func drawUser(t *rapid.T) pipeline.User {
	id := drawID(t)
	return pipeline.User{
		ID: id, Name: "Name",
		ExternalID: rapid.SampledFrom([]string{"", "x-" + id, "x-bob"}).Draw(t, "external id"),
		Email:      id + rapid.SampledFrom([]string{"@one.example", "@two.example"}).Draw(t, "domain"),
		Country:    rapid.SampledFrom([]pipeline.Country{pipeline.MX, pipeline.DO}).Draw(t, "country"),
		Type:       rapid.SampledFrom([]pipeline.UserType{"", pipeline.Individual, pipeline.Business}).Draw(t, "type"),
		Status:     rapid.SampledFrom([]pipeline.Status{"", "", "", pipeline.Pending, pipeline.InReview, pipeline.Verified}).Draw(t, "status"),
	}
}

func (m *machine) enrol(t *rapid.T) {
	_, err := m.ledger.Enrol(t.Context(), rapid.SliceOfN(rapid.Custom(drawUser), 1, 3).Draw(t, "users"), store.Imported, m.next, m.now)
	m.must(err)
}

func (m *machine) source(t *rapid.T) {
	pass, err := m.ledger.StartSync(t.Context(), m.next)
	m.must(err)
	_, err = pass.Enrol(t.Context(), rapid.SliceOfN(rapid.Custom(drawUser), 0, 3).Draw(t, "users"), m.now)
	m.must(err)
	if rapid.Bool().Draw(t, "finishes") {
		_, err = pass.Finish(t.Context(), m.now)
		m.must(err)
	}
}

func (m *machine) pull(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "n")
	b, err := m.q.Pull(t.Context(), m.now, n)
	m.must(err)
	if len(b.Deliveries) > n {
		t.Fatalf("pulled %d, want at most %d", len(b.Deliveries), n)
	}
	for _, d := range b.Deliveries {
		m.inFlight = append(m.inFlight, &flight{Delivery: d})
	}
}

func (m *machine) drawFlight(t *rapid.T) *flight {
	if len(m.inFlight) == 0 {
		t.Skip("nothing is in flight")
	}
	return m.inFlight[rapid.IntRange(0, len(m.inFlight)-1).Draw(t, "flight")]
}

// begin begins a mail, or begins it again, as for another connection.
func (m *machine) begin(t *rapid.T) {
	f := m.drawFlight(t)
	err := m.prepare(f, rapid.Bool().Draw(t, "lasting"))
	if err == nil {
		err = m.q.Begin(t.Context(), &f.Delivery, m.now)
	}
	if err == nil {
		f.Begun = true
		if allowed := m.column(mayBeMailed, f.ID); len(allowed) != 1 {
			t.Fatalf("delivery %d began, and may not", f.ID)
		}
		return
	}
	if _, fault := errors.AsType[*pipeline.Fault](err); !fault {
		t.Fatal(err)
	}
	m.settle(f, err)
}

// prepare does what the stages Issue, Render and Keep do. A mail that has begun
// went through them.
func (m *machine) prepare(f *flight, lasting bool) error {
	if f.Begun {
		return nil
	}
	switch {
	case f.Link.Usable(m.now, 0):
	case lasting && !f.Repeat:
		m.last(&f.Delivery)
	default:
		f.minted = true
		f.Link = pipeline.Link{
			URL:      pipeline.NewSecret(fmt.Sprintf("https://kyc.example.com/%d/%d", f.ID, m.now.UnixNano())),
			IssuedAt: m.now, ExpiresAt: m.now.Add(linkTTL),
		}
	}
	if !f.Repeat {
		f.Message = pipeline.Message{ID: fmt.Sprintf("%d.%d", f.ID, f.Attempt), Date: m.now, Digest: []byte{1}}
	}
	if f.Link.ID != 0 {
		return nil
	}
	err := m.q.Keep(m.t.Context(), &f.Delivery)
	if err != nil {
		f.Link = pipeline.Link{}
	}
	return err
}

// record brings a mail to its end that has begun.
func (m *machine) record(t *rapid.T) {
	f := m.drawFlight(t)
	if !f.Begun {
		t.Skip("has not begun")
	}
	kind := rapid.SampledFrom([]pipeline.Kind{-1, -1, -1, pipeline.Retry, pipeline.Fail, pipeline.Hold, pipeline.Doubt, pipeline.Outage, pipeline.Cancel}).Draw(t, "kind")
	if kind < 0 {
		m.settle(f, nil)
		return
	}
	m.settle(f, &pipeline.Fault{Kind: kind, Code: "test", BadAddress: kind == pipeline.Fail && rapid.Bool().Draw(t, "bad address")})
}

func (m *machine) settle(f *flight, err error) {
	v := m.plan.Judge(&f.Delivery, err, m.now)
	v.Minted = f.minted
	if v.State == pipeline.Sent && f.Probe != nil && (v.Minted || !f.Probe.Minting) {
		v.Lift = f.Probe
	}
	m.must(m.q.Record(m.t.Context(), &f.Delivery, v, m.now))
	m.drop(f)
}

func (m *machine) drop(f *flight) {
	m.inFlight = slices.DeleteFunc(m.inFlight, func(other *flight) bool { return other == f })
}

// putBack does what a stop does with a mail that waits: for its turn, or, when it
// has begun, for a connection behind another one. It is due as it was, unless the
// user may not be mailed any more.
func (m *machine) putBack(t *rapid.T) {
	f := m.drawFlight(t)
	v := pipeline.PutBack(&f.Delivery, f.DueAt)
	v.Minted = f.minted
	m.must(m.q.Record(t.Context(), &f.Delivery, v, m.now))
	m.drop(f)
	want := fmt.Sprintf("due at %d, attempt %d, %d doubts, %d attempts in all", f.DueAt.UnixMilli(), f.Attempt, f.Doubts, len(m.attempts))
	if f.Repeat {
		want += ", repeated"
	}
	if got := m.column(putBackDelivery, f.ID); !slices.Equal(got, []string{want}) {
		t.Fatalf("delivery %d was put back as %q, want %q", f.ID, got, want)
	}
}

func (m *machine) mark(t *rapid.T) {
	status := rapid.SampledFrom(slices.DeleteFunc(pipeline.Statuses(), func(s pipeline.Status) bool { return s == pipeline.Erased })).Draw(t, "status")
	id := drawID(t)
	err := m.ledger.Mark(t.Context(), id, status, m.next, machineActor, m.now)
	if err != nil && !errors.Is(err, store.ErrNotFound) && m.status(id) != pipeline.Erased {
		t.Fatal(err)
	}
}

func (m *machine) status(id string) pipeline.Status {
	r, err := m.ledger.Find(m.t.Context(), id)
	m.must(err)
	return r.User.Status
}

func (m *machine) resend(t *rapid.T) {
	id := drawID(t)
	r, err := m.ledger.Find(t.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		t.Skip("unknown")
	}
	m.must(err)
	whyNot, err := m.ledger.Resend(t.Context(), id, pipeline.ResendStep(r.History), rapid.Bool().Draw(t, "force"), machineActor, m.now)
	m.must(err)
	if whyNot == "" && len(m.column(dueForOperator, id, m.now.UnixMilli())) != 1 {
		t.Fatalf("nothing is due for %s after a resend", id)
	}
}

func (m *machine) erase(t *rapid.T) {
	id := drawID(t)
	if err := m.ledger.Erase(t.Context(), id, machineActor, m.now); err == nil && m.status(id) != pipeline.Erased {
		t.Fatalf("%s is not erased", id)
	}
}

func (m *machine) recover() {
	_, _, err := m.ledger.Recover(m.t.Context(), m.now, func(d *pipeline.Delivery, begun bool) pipeline.Verdict {
		if begun {
			return m.plan.JudgeOrphan(d, m.now)
		}
		return m.plan.JudgeClaimed(d, m.now, time.Minute)
	})
	m.must(err)
	m.inFlight = nil
	m.startRun()
}
