package postgres

import (
	"errors"
	"slices"
	"testing"
	"time"

	"alta/pipeline"
	"alta/store"
)

// recoverAt settles what is orphaned at a moment.
func recoverAt(t *testing.T, s *Store, now time.Time) (returned, doubted int) {
	t.Helper()
	plan := pipeline.Plan{Tries: 3, ResendDoubt: true, Reminders: []time.Duration{24 * time.Hour}, MaxMails: 5}
	returned, doubted, err := s.Recover(t.Context(), now, func(d *pipeline.Delivery, begun bool) pipeline.Verdict {
		if begun {
			return plan.JudgeOrphan(d, noon)
		}
		return plan.JudgeClaimed(d, noon, time.Hour)
	})
	if err != nil {
		t.Fatal(err)
	}
	return returned, doubted
}

// recoverAll settles what machines left behind that the ledger does not know.
func recoverAll(t *testing.T, s *Store, want int) {
	t.Helper()
	if returned, doubted := recoverAt(t, s, noon); returned+doubted != want {
		t.Fatalf("recovered %d and %d, want %d in all", returned, doubted, want)
	}
}

func TestRecoverLeavesAloneWhatHasAnOwner(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, numbered("u", 6)...)
	machine, err := s.Join(t.Context(), Machine{Name: "m", Lease: time.Minute}, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := startRun(t, s).On(machine, numberJobs)
	begun := beginOne(t, q)
	claimed := takeOne(t, q)
	// The others wait for a machine, or their job is over.
	if _, err := q.Pull(t.Context(), noon, 4); err != nil {
		t.Fatal(err)
	}
	s.exec(t, `INSERT INTO river_job (id, kind, args, max_attempts, state, finalized_at)
		SELECT j.id, 'mail', '{}', 3, j.state::river_job_state, CASE WHEN j.state IN ('discarded', 'cancelled') THEN now() END
		FROM (VALUES (1, 'running'), (2, 'running'), (3, 'available'), (4, 'retryable'), (5, 'discarded')) AS j (id, state)`)
	s.exec(t, `UPDATE runs SET job_id = 3, machine_id = $1`, machine)
	orphans := func() []int64 {
		ids, err := column[int64](t.Context(), s.pool, `SELECT id FROM deliveries WHERE state = 'due' ORDER BY id`)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}

	if returned, doubted := recoverAt(t, s, noon.Add(time.Minute)); returned != 2 || doubted != 0 || !slices.Equal(orphans(), []int64{5, 6}) {
		t.Fatalf("recovered %d and %d: %v", returned, doubted, orphans())
	}
	if err := q.Record(t.Context(), &claimed, pipeline.PutBack(&claimed, noon.Add(time.Hour)), noon); err != nil {
		t.Errorf("the machine that lives could not record: %v", err)
	}
	if n := number(t, s, `SELECT count(*) FROM machines WHERE away`); n != 0 {
		t.Error("the machine that lives is away")
	}

	// A moment later the machine has not been seen for the length of its lease.
	returned, doubted := recoverAt(t, s, noon.Add(time.Minute+time.Millisecond))
	if returned != 0 || doubted != 1 {
		t.Fatalf("recovered %d and %d of the machine that is gone, want 0 and 1", returned, doubted)
	}
	if err := q.Record(t.Context(), &begun, sent(), noon); !errors.Is(err, ErrClaimLost) {
		t.Errorf("the machine that was gone recorded: %v", err)
	}
	if _, back, err := s.Beat(t.Context(), machine, false, noon.Add(2*time.Minute), time.Minute); err != nil || !back {
		t.Errorf("it is not told that it was gone (%v)", err)
	}
	if n := number(t, s, `SELECT count(*) FROM runs WHERE finished_at IS NULL`); n != 1 {
		t.Error("the run was closed, and its job waits")
	}

	s.exec(t, `UPDATE river_job SET state = 'discarded', finalized_at = now()`)
	s.exec(t, `UPDATE machines SET seen_at = 0`)
	recoverAt(t, s, noon)
	if n := number(t, s, `SELECT count(*) FROM runs WHERE finished_at IS NULL OR selected <> 1 OR retry <> 1`); n != 0 {
		t.Error("the run was not closed with what its machines counted")
	}
}

func TestRecoverSettlesManyMoreThanFitInOneTransaction(t *testing.T) {
	a, b := twoStores(t, 2*settledTogether+50)
	if ids := pullAll(t, 256, startRun(t, a)); len(ids) != 2*settledTogether+50 {
		t.Fatalf("pulled %d", len(ids))
	}
	// A deadline of one row that another transaction holds is none of the others'.
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM deliveries WHERE id = 7 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	recoverAll(t, a, 2*settledTogether+49)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	recoverAll(t, a, 1)
	recoverAll(t, b, 0)
}

func TestRecoverRefusesALedgerThatHasChanged(t *testing.T) {
	a, b := twoStores(t, 1)
	judge := func(*pipeline.Delivery, bool) pipeline.Verdict { t.Error("judged"); return pipeline.Verdict{} }
	startRun(t, a)
	a.exec(t, `UPDATE data_key SET digest = '\x00'`)
	if _, _, err := b.Recover(t.Context(), noon, judge); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("with another key: %v", err)
	}
	a.exec(t, `DELETE FROM data_key`)
	a.exec(t, `UPDATE ledger SET floor = 1000`)
	if _, _, err := b.Recover(t.Context(), noon, judge); err == nil {
		t.Error("a newer alta's ledger was settled")
	}
	if n := number(t, a, `SELECT count(*) FROM runs WHERE finished_at IS NOT NULL`); n != 0 {
		t.Error("a run was closed")
	}
}

// Whoever could not see the machines beat for a while, as after a restart of the
// server, waits a second lease before it takes one for gone.
func TestRecoverAfterASilence(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, numbered("u", 1)...)
	machine, err := s.Join(t.Context(), Machine{Name: "m", Lease: time.Minute}, noon)
	if err != nil {
		t.Fatal(err)
	}
	beginOne(t, startRun(t, s).On(machine, numberJobs))
	s.exec(t, `INSERT INTO river_job (id, kind, args, max_attempts, state) VALUES (1, 'mail', '{}', 3, 'running')`)
	judge := func(d *pipeline.Delivery, _ bool) pipeline.Verdict { return pipeline.PutBack(d, d.DueAt) }
	for _, c := range []struct {
		it    string
		after time.Duration
		grace time.Duration
		want  int
	}{
		{"within its lease", 50 * time.Second, 0, 0},
		{"past it, by one who could not see", 90 * time.Second, time.Minute, 0},
		{"past two, by one who could not see", 121 * time.Second, time.Minute, 1},
	} {
		claimed, begun, err := s.RecoverAfter(t.Context(), noon.Add(c.after), c.grace, judge)
		if err != nil || claimed+begun != c.want {
			t.Errorf("%s: settled %d and %d, error %v, want %d", c.it, claimed, begun, err, c.want)
		}
	}
}

// A machine does nothing for a job that River has given up, however well it is.
func TestRecoverOfAJobThatIsGone(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, numbered("u", 1)...)
	machine, err := s.Join(t.Context(), Machine{Name: "m", Lease: time.Minute}, noon)
	if err != nil {
		t.Fatal(err)
	}
	takeOne(t, startRun(t, s).On(machine, numberJobs))
	s.exec(t, `INSERT INTO river_job (id, kind, args, max_attempts, state, finalized_at) VALUES (1, 'mail', '{}', 3, 'discarded', now())`)
	recoverAll(t, s, 1)
}

// A machine that must not work on the ledger any more hears of it at its next beat.
func TestABeatThatIsTheLast(t *testing.T) {
	s := newStore(t)
	join := func(name string) int64 {
		id, err := s.Join(t.Context(), Machine{Name: name, Lease: time.Minute}, noon)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	beat := func(id int64) error {
		_, _, err := s.Beat(t.Context(), id, false, noon, time.Minute)
		return err
	}
	a, b := join("a"), join("b")
	if err := beat(a); err != nil {
		t.Fatalf("a machine of the fleet: %v", err)
	}
	s.exec(t, `DELETE FROM machines WHERE id = $1`, b)
	if err := beat(b); !errors.Is(err, ErrForgotten) {
		t.Errorf("one that the ledger does not know: %v, want %v", err, ErrForgotten)
	}
	s.exec(t, `UPDATE ledger SET floor = 1000`)
	if err := beat(a); !errors.Is(err, ErrTooOld) {
		t.Errorf("one that is too old: %v, want %v", err, ErrTooOld)
	}
	s.exec(t, `UPDATE ledger SET floor = 1`)
	s.exec(t, `UPDATE data_key SET digest = '\x00'`)
	if err := beat(a); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("one with another key: %v, want %v", err, store.ErrWrongKey)
	}
}
