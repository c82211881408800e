package store

import (
	"database/sql"
	"strings"
	"testing"

	"alta/pipeline"
)

func TestHistoryCannotBeRewritten(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	recordRetry(t, s)
	if err := s.Mark(t.Context(), "ana", pipeline.Verified, inviteAt(noon), Act{"olga", "test"}, noon); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`DELETE FROM audit`,
		`UPDATE audit SET actor = 'nobody'`,
		`UPDATE audit SET detail = ''`,
		`DELETE FROM audit_chain`,
		`UPDATE audit_chain SET hash = zeroblob(32)`,
		`DELETE FROM attempts`,
		`UPDATE attempts SET outcome = 'sent'`,
		`UPDATE attempts SET at = at + 1`,
		`UPDATE attempts SET code = ''`,
		`UPDATE attempts SET delivery_id = delivery_id + 1`,
		`UPDATE attempts SET message_id = '', reply = '', reason = ''`,
		`UPDATE attempts SET run_id = NULL, reply = '', reason = ''`,
		`UPDATE attempts SET reply = 'other'`,
		`UPDATE attempts SET reason = 'other', reply = ''`,
	} {
		err := s.write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(statement)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: error is %v, want that it is append-only", statement, err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM attempts WHERE outcome = 'retry' AND reply <> '' AND reason <> ''`); n != 1 {
		t.Errorf("%d attempts are as they were, want 1", n)
	}
}

// recordRetry makes one attempt at the one delivery that is due, which the mail
// server puts off.
func recordRetry(t *testing.T, s *Store) {
	t.Helper()
	run, _, err := s.StartRun(t.Context(), ByCommand, noon.Add(-1), 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, Everything)
	b, err := q.Pull(t.Context(), noon, 1)
	if err != nil || len(b.Deliveries) != 1 {
		t.Fatalf("pulled %d deliveries (%v), want 1", len(b.Deliveries), err)
	}
	d := &b.Deliveries[0]
	fill(t, q, d)
	if err := q.Begin(t.Context(), d, noon); err != nil {
		t.Fatal(err)
	}
	d.Receipt.Reply = "451 4.2.1 later"
	v := pipeline.Plan{Tries: 3}.Judge(d, &pipeline.Fault{Code: "smtp.4.2.1", Reason: "later"}, noon)
	if err := q.Record(t.Context(), d, v, noon); err != nil {
		t.Fatal(err)
	}
}
