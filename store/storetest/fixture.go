package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
	"alta/store"
)

// fixture is a ledger together with the clock and the plan that a behaviour is
// checked with. Its methods end the test when the ledger fails.
type fixture struct {
	Ledger
	t      *testing.T
	now    time.Time
	plan   pipeline.Plan
	minted int
}

func newFixture(t *testing.T, l Ledger) *fixture {
	f := &fixture{
		Ledger: l, t: t,
		now: time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC),
		plan: pipeline.Plan{
			Reminders:       []time.Duration{24 * time.Hour, 72 * time.Hour},
			ReissueOnExpiry: true,
			MinGap:          20 * time.Hour,
			MaxMails:        6,
			ResendDoubt:     true,
			Tries:           3,
		},
	}
	f.must(f.UseKey(t.Context(), newKey(t)))
	return f
}

func newKey(t *testing.T) *store.Key {
	t.Helper()
	k, err := store.ParseKey(store.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const linkTTL = 24 * time.Hour

var operator = store.Act{Actor: "olga", Reason: "the customer called"}

// person is a record with nothing but what an import requires.
func person(id string, c pipeline.Country) pipeline.User {
	return pipeline.User{ID: id, Email: id + "@example.com", Name: "Name of " + id, Country: c}
}

func (f *fixture) next(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
	return f.plan.Next(u, h, f.now)
}

// until moves the clock to t, in the ledger's precision.
func (f *fixture) until(t time.Time) {
	f.now = t.Add(time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func equal[T any](f *fixture, what string, got, want T) {
	f.t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pipeline.Secret{})); diff != "" {
		f.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (f *fixture) enrol(users ...pipeline.User) store.Enrolled {
	f.t.Helper()
	counts, err := f.Enrol(f.t.Context(), users, store.Imported, f.next, f.now)
	f.must(err)
	return counts
}

func (f *fixture) mark(id string, s pipeline.Status) {
	f.t.Helper()
	f.must(f.Mark(f.t.Context(), id, s, f.next, operator, f.now))
}

// source makes one whole pass of the [source] query and returns how many users
// it withdrew.
func (f *fixture) source(users ...pipeline.User) int {
	f.t.Helper()
	pass, err := f.StartSync(f.t.Context(), f.next)
	f.must(err)
	_, err = pass.Enrol(f.t.Context(), users, f.now)
	f.must(err)
	withdrawn, err := pass.Finish(f.t.Context(), f.now)
	f.must(err)
	return withdrawn
}

func (f *fixture) resend(id string, step pipeline.Step) {
	f.t.Helper()
	whyNot, err := f.Resend(f.t.Context(), id, step, true, operator, f.now)
	f.must(err)
	equal(f, "why not", whyNot, "")
}

func (f *fixture) find(id string) store.UserRecord {
	f.t.Helper()
	r, err := f.Find(f.t.Context(), id)
	f.must(err)
	return r
}

// wantDeliveries checks all that was ever owed to the user, each written as
// "step round state".
func (f *fixture) wantDeliveries(id string, want ...string) {
	f.t.Helper()
	got := []string{}
	for _, d := range f.deliveries(id) {
		got = append(got, fmt.Sprintf("%s %d %s", d.Step, d.Round, d.State))
	}
	equal(f, "deliveries of "+id, got, append([]string{}, want...))
}

func (f *fixture) deliveries(id string) []store.DeliveryRecord {
	f.t.Helper()
	all, err := f.Deliveries(f.t.Context(), id)
	f.must(err)
	return all
}

func (f *fixture) latest(id string) store.DeliveryRecord {
	f.t.Helper()
	all := f.deliveries(id)
	if len(all) == 0 {
		f.t.Fatalf("%s has no delivery", id)
	}
	return all[len(all)-1]
}

func (f *fixture) run() Queue { f.t.Helper(); return f.runOf(store.Everything) }

func (f *fixture) runOf(only store.Only) Queue {
	f.t.Helper()
	id, ok, err := f.StartRun(f.t.Context(), store.ByCommand, time.Time{}, f.plan.MinGap, f.now)
	f.must(err)
	equal(f, "the run begins", ok, true)
	return f.Queue(id, only)
}

func (f *fixture) pull(q Queue, n int) pipeline.Batch {
	f.t.Helper()
	b, err := q.Pull(f.t.Context(), f.now, n)
	f.must(err)
	return b
}

func users(ds []pipeline.Delivery) []string {
	ids := []string{}
	for _, d := range ds {
		ids = append(ids, d.User.ID)
	}
	return ids
}

// claim pulls the one delivery that is due.
func (f *fixture) claim(q Queue) *pipeline.Delivery {
	f.t.Helper()
	b := f.pull(q, 10)
	if len(b.Deliveries) != 1 {
		f.t.Fatalf("pulled %v, want one delivery", users(b.Deliveries))
	}
	return &b.Deliveries[0]
}

// mint does what the stage Issue does.
func (f *fixture) mint(d *pipeline.Delivery) {
	f.minted++
	url := fmt.Sprintf("https://kyc.example.com/%s?_al=secret%d==", d.User.ID, f.minted)
	d.Link = pipeline.Link{URL: pipeline.NewSecret(url), IssuedAt: f.now, ExpiresAt: f.now.Add(linkTTL)}
}

// prepare does what the stages Issue and Render do.
func (f *fixture) prepare(d *pipeline.Delivery) {
	if d.Link.URL.IsZero() {
		f.mint(d)
	}
	if !d.Repeat {
		d.Message = pipeline.Message{ID: fmt.Sprintf("%d.%d@mail.example.com", d.ID, d.Attempt), Date: f.now}
		d.Message.Content = pipeline.Content{Subject: "Verify", Text: d.Link.URL.Reveal()}
		d.Message.Digest = d.Message.Content.Digest()
	}
}

func (f *fixture) keep(q Queue, d *pipeline.Delivery) {
	f.t.Helper()
	if d.Link.ID == 0 {
		f.must(q.Keep(f.t.Context(), d))
	}
}

func (f *fixture) begin(q Queue, d *pipeline.Delivery) {
	f.t.Helper()
	f.prepare(d)
	f.keep(q, d)
	f.must(q.Begin(f.t.Context(), d, f.now))
}

// record judges err by the plan and writes the verdict down.
func (f *fixture) record(q Queue, d *pipeline.Delivery, err error) pipeline.Verdict {
	f.t.Helper()
	v := f.plan.Judge(d, err, f.now)
	if v.State == pipeline.Sent {
		v.Lift = d.Probe
	}
	f.must(q.Record(f.t.Context(), d, v, f.now))
	return v
}

func (f *fixture) send(q Queue, d *pipeline.Delivery) {
	f.t.Helper()
	f.begin(q, d)
	d.Receipt.Reply = "250 2.0.0 Ok"
	f.record(q, d, nil)
}

// mail sends the one delivery that is due.
func (f *fixture) mail() *pipeline.Delivery {
	f.t.Helper()
	q := f.run()
	d := f.claim(q)
	f.send(q, d)
	return d
}

// doubt leaves the one delivery that is due in doubt, for an operator.
func (f *fixture) doubt() *pipeline.Delivery {
	f.t.Helper()
	q := f.run()
	d := f.claim(q)
	f.begin(q, d)
	resend := f.plan.ResendDoubt
	f.plan.ResendDoubt = false
	f.record(q, d, inDoubt())
	f.plan.ResendDoubt = resend
	return d
}

func inDoubt() error {
	return &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.cut", Reason: "the connection ended before the reply"}
}

func refused() error {
	return &pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.1", Reason: "no such mailbox", BadAddress: true}
}
