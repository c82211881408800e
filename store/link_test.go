package store

import (
	"database/sql"
	"testing"

	"alta/pipeline"
)

func TestASupersededLinkIsNeverPulled(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	recordRetry(t, s)
	run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, superseded := range []bool{false, true} {
		if superseded {
			err := s.write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE links SET superseded_at = issued_at`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		b, err := s.Queue(run, Everything).Pull(t.Context(), noon.AddDate(0, 0, 1), 1)
		if err != nil || len(b.Deliveries) != 1 {
			t.Fatalf("pulled %d deliveries (%v), want 1", len(b.Deliveries), err)
		}
		if got := b.Deliveries[0].Link.URL.IsZero(); got != superseded {
			t.Errorf("without a link is %v when superseded is %v", got, superseded)
		}
		if _, _, err := s.Recover(t.Context(), noon, func(d *pipeline.Delivery, _ bool) pipeline.Verdict {
			return pipeline.PutBack(d, d.DueAt)
		}); err != nil {
			t.Fatal(err)
		}
	}
}
