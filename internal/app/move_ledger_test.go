package app

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// moveNow is the moment at which the ledgers of these tests move.
var moveNow = time.Date(2026, time.November, 28, 14, 3, 0, 0, time.UTC)

// fullLedger makes a ledger with every kind of row in it, some of them left behind
// by a process that died, and returns its path.
func fullLedger(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alta.db")
	l := &ledgerMaker{t: t, now: moveNow.Add(-72 * time.Hour), plan: pipeline.Plan{
		Reminders: []time.Duration{24 * time.Hour}, ReissueOnExpiry: true, MinGap: 20 * time.Hour, MaxMails: 6, ResendDoubt: true, Tries: 3,
	}}
	var err error
	l.Store, err = store.Open(t.Context(), path)
	check(t, err)
	check(t, l.UseKey(t.Context(), moveKey(t)))
	l.fill()
	check(t, l.Close())
	return path
}

func moveKey(t *testing.T) *store.Key {
	t.Helper()
	k, err := store.ParseKey(pipeline.NewSecret(strings.Repeat("5a", store.KeySize)))
	check(t, err)
	return k
}

// ledgerMaker fills a ledger.
type ledgerMaker struct {
	*store.Store
	t    *testing.T
	now  time.Time
	plan pipeline.Plan
	run  int64
}

// moveToken lets its holder into the ledger, wherever it is.
var moveToken = pipeline.NewSecret(store.TokenPrefix + "move")

var moveActor = store.Act{Actor: "olga", Reason: "la cliente llamó"}

func (l *ledgerMaker) planner(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
	return l.plan.Next(u, h, l.now)
}

func (l *ledgerMaker) enrol(country pipeline.Country, kind pipeline.UserType, ids ...string) {
	l.t.Helper()
	var users []pipeline.User
	for _, id := range ids {
		users = append(users, pipeline.User{ID: id, ExternalID: "x-" + id, Email: id + "@correo.example", Name: "Íñigo " + id, Country: country, Type: kind})
	}
	_, err := l.Enrol(l.t.Context(), users, store.Imported, l.planner, l.now)
	check(l.t, err)
}

func (l *ledgerMaker) startRun(slot time.Time) *store.Queue {
	l.t.Helper()
	var err error
	l.run, _, err = l.StartRun(l.t.Context(), store.BySchedule, slot, l.plan.MinGap, l.now)
	check(l.t, err)
	return l.Queue(l.run, store.Everything)
}

func (l *ledgerMaker) pull(q *store.Queue) map[string]*pipeline.Delivery {
	l.t.Helper()
	b, err := q.Pull(l.t.Context(), l.now, 100)
	check(l.t, err)
	all := map[string]*pipeline.Delivery{}
	for i := range b.Deliveries {
		all[b.Deliveries[i].User.ID] = &b.Deliveries[i]
	}
	return all
}

// mint gives the delivery a link, and keeps it.
func (l *ledgerMaker) mint(q *store.Queue, d *pipeline.Delivery, ttl time.Duration) error {
	d.Link = pipeline.Link{URL: pipeline.NewSecret("https://kyc.sandbox.example/?_al=" + rand.Text()), IssuedAt: l.now, ExpiresAt: l.now.Add(ttl)}
	return q.Keep(l.t.Context(), d)
}

func (l *ledgerMaker) begin(q *store.Queue, d *pipeline.Delivery, ttl time.Duration) {
	l.t.Helper()
	check(l.t, l.mint(q, d, ttl))
	d.Message = pipeline.Message{ID: rand.Text() + "@pagoclaro.example", Date: l.now}
	d.Message.Digest = d.Message.Content.Digest()
	check(l.t, q.Begin(l.t.Context(), d, l.now))
}

func (l *ledgerMaker) record(q *store.Queue, d *pipeline.Delivery, plan pipeline.Plan, fault error) {
	l.t.Helper()
	check(l.t, q.Record(l.t.Context(), d, plan.Judge(d, fault, l.now), l.now))
}

func (l *ledgerMaker) fill() {
	t, ctx := l.t, l.t.Context()
	l.fillPublic()
	l.enrol(pipeline.MX, pipeline.Individual, "sent", "failed", "held", "repeat", "doubt", "bad", "erased", "verified", "shared", "sharing", "review")
	l.enrol(pipeline.DO, pipeline.Business, "retry", "out", "rejected", "expired", "force")

	q := l.startRun(l.now)
	all := l.pull(q)
	hold := l.plan
	hold.ResendDoubt = false
	strange := &pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.1", Reason: "not here: \xff\x00 and more"}
	for id, end := range map[string]struct {
		plan  pipeline.Plan
		fault error
		ttl   time.Duration
	}{
		"sent": {l.plan, nil, 100 * time.Hour}, "verified": {l.plan, nil, 100 * time.Hour}, "erased": {l.plan, nil, 100 * time.Hour},
		"expired": {l.plan, nil, time.Hour}, "force": {l.plan, nil, 90 * time.Hour},
		"failed": {l.plan, strange, 100 * time.Hour},
		"bad":    {l.plan, &pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.2", BadAddress: true}, time.Hour},
		"held":   {l.plan, &pipeline.Fault{Kind: pipeline.Hold, Code: "capa.strange"}, 100 * time.Hour},
		"repeat": {l.plan, &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.cut"}, 100 * time.Hour},
		"doubt":  {hold, &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.cut"}, 100 * time.Hour},
		"retry":  {l.plan, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1", Reason: "later"}, 100 * time.Hour},
	} {
		d := all[id]
		l.begin(q, d, end.ttl)
		d.Receipt.Reply = "250 2.0.0 aceptado para " + d.User.Email
		l.record(q, d, end.plan, end.fault)
	}
	// One link for two users, twice for the first.
	check(t, l.mint(q, all["shared"], time.Hour))
	again := *all["shared"]
	again.Link.ID = 0
	check(t, q.Keep(ctx, &again))
	all["sharing"].Link = all["shared"].Link
	all["sharing"].Link.ID = 0
	if err := q.Keep(ctx, all["sharing"]); err == nil {
		t.Fatal("the shared link was kept")
	}
	l.record(q, all["shared"], l.plan, &pipeline.Fault{Kind: pipeline.Hold, Country: pipeline.MX, Code: "capa.template", Reason: "no hay plantilla"})
	l.record(q, all["sharing"], l.plan, &pipeline.Fault{Kind: pipeline.Hold, Code: "capa.shared_link"})
	for _, id := range []string{"review", "out", "rejected"} {
		l.record(q, all[id], l.plan, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.dial", Free: true})
	}
	check(t, l.FinishRun(ctx, l.run, pipeline.Report{Selected: 14, Sent: 5, Minted: 12, Outage: "one link for two"}, nil, l.now))

	l.now = l.now.Add(time.Hour)
	check(t, l.NoteEvents(ctx, true))
	for id, status := range map[string]pipeline.Status{"verified": pipeline.Verified, "out": pipeline.OptedOut, "rejected": pipeline.Rejected, "review": pipeline.InReview} {
		check(t, l.Mark(ctx, id, status, l.planner, moveActor, l.now))
	}
	check(t, l.Erase(ctx, "erased", moveActor, l.now))
	check(t, l.AddToken(ctx, store.Token{Name: "mara", Role: store.Viewer, Digest: store.DigestSecret(moveToken)}, moveActor, l.now))
	_, err := l.Resend(ctx, "force", pipeline.Reissue, true, moveActor, l.now)
	check(t, err)
	sync, err := l.StartSync(ctx, l.planner)
	check(t, err)
	gone := []pipeline.User{{ID: "gone", Email: "gone@correo.example", Name: "Gone", Country: pipeline.DO}}
	_, err = sync.Enrol(ctx, gone, l.now)
	check(t, err)
	_, err = sync.Finish(ctx, l.now)
	check(t, err)
	sync, err = l.StartSync(ctx, l.planner)
	check(t, err)
	_, err = sync.Enrol(ctx, []pipeline.User{{ID: "stays", Email: "stays@correo.example", Name: "Stays", Country: pipeline.DO}}, l.now)
	check(t, err)
	_, err = sync.Finish(ctx, l.now)
	check(t, err)

	// What a process that died leaves behind: one claimed, one on the wire.
	l.enrol(pipeline.DO, pipeline.Individual, "claimed", "wire")
	l.now = moveNow.Add(-time.Hour)
	q = l.startRun(time.Time{})
	all = l.pull(q)
	if all["claimed"] == nil || all["wire"] == nil {
		t.Fatalf("pulled %v", all)
	}
	l.record(q, all["stays"], l.plan, &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key", Reason: "the key was refused", After: time.Hour})
	check(t, l.mint(q, all["claimed"], 24*time.Hour))
	l.begin(q, all["wire"], 24*time.Hour)
	check(t, l.Approve(ctx, pipeline.Approval{Due: 9, Mails: 9, GivenAt: l.now, EndsAt: l.now.Add(24 * time.Hour)}, moveActor))
}

// answers is what a ledger answers to all that is asked of it.
type answers struct {
	Users      []store.UserRecord
	Deliveries map[string][]store.DeliveryRecord
	Audit      map[string][]store.AuditEntry
	Runs       []store.Run
	Outlook    pipeline.Outlook
	Status     store.Status
	Queue      store.QueueStatus
	Pauses     []pipeline.Pause
	Due        []pipeline.Delivery
	Slot       time.Time
	Complete   bool
	Waits      bool
	Sealed     int
}

func ask(t *testing.T, l ledger) (a answers) {
	t.Helper()
	ctx := t.Context()
	check(t, l.Check(ctx))
	check(t, l.List(ctx, store.Filter{}, func(r store.UserRecord) error { a.Users = append(a.Users, r); return nil }))
	a.Deliveries, a.Audit = map[string][]store.DeliveryRecord{}, map[string][]store.AuditEntry{}
	ids := []string{""}
	for _, u := range a.Users {
		ids = append(ids, u.User.ID)
	}
	var err error
	for _, id := range ids {
		a.Deliveries[id], err = l.Deliveries(ctx, id)
		check(t, err)
		lines, err := l.Audit(ctx, id)
		check(t, err)
		for _, e := range lines {
			if e.Action != "move" {
				e.At = e.At.UTC()
				a.Audit[id] = append(a.Audit[id], e)
			}
		}
	}
	a.Runs, err = l.Runs(ctx, 100)
	check(t, err)
	a.Outlook, err = l.Outlook(ctx, moveNow)
	check(t, err)
	a.Status, err = l.Status(ctx, moveNow)
	check(t, err)
	a.Queue, a.Pauses, err = l.QueueStatus(ctx, moveNow)
	check(t, err)
	a.Due, err = l.Due(ctx, moveNow.Add(1000*time.Hour), 0)
	check(t, err)
	a.Slot, a.Complete, err = l.LastSlot(ctx, moveNow)
	check(t, err)
	a.Waits, err = l.ApprovalWaits(ctx, moveNow)
	check(t, err)
	a.Sealed, err = l.SealedLinks(ctx)
	check(t, err)
	return a
}

// sameAnswers compares them. Texts are compared as any engine can keep them.
func sameAnswers(t *testing.T, file, shared answers) {
	t.Helper()
	plain := func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD") }
	if diff := cmp.Diff(file, shared, cmp.AllowUnexported(pipeline.Secret{}), cmp.Comparer(func(a, b string) bool { return plain(a) == plain(b) })); diff != "" {
		t.Errorf("the file (-) and PostgreSQL (+) answer differently:\n%s", diff)
	}
}

func openFile(t *testing.T, path string) fileLedger {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return fileLedger{s}
}

func openTarget(t *testing.T, url string, moving bool) (*postgres.Store, error) {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{URL: pipeline.NewSecret(url), Moving: moving})
	if err == nil {
		t.Cleanup(func() { check(t, s.Close()) })
	}
	return s, err
}

func sharedAt(t *testing.T, s *postgres.Store) sharedLedger {
	t.Helper()
	clock, err := s.NewClock(context.WithoutCancel(t.Context()), time.Now)
	check(t, err)
	return sharedLedger{s, clock, 0}
}
