package store

import (
	"testing"
	"time"

	"alta/pipeline"
)

// A delivery whose link was forgotten mints anew, so a crash in that mint counts.
func TestAForgottenLinkIsNoneWhenADeadRunIsSettled(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	recordRetry(t, s)
	if err := s.Rekey(t.Context(), mustKey(t, NewKey()), Act{"olga", "test"}, noon); err != nil {
		t.Fatal(err)
	}
	run, _, err := s.StartRun(t.Context(), ByCommand, time.Time{}, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.Queue(run, Everything).Pull(t.Context(), noon.AddDate(0, 0, 1), 1); err != nil || len(b.Deliveries) != 1 {
		t.Fatalf("pulled %d deliveries (%v), want 1", len(b.Deliveries), err)
	}
	later := noon.Add(time.Hour) // the link would still be good
	if _, _, err := s.Recover(t.Context(), later, func(d *pipeline.Delivery, _ bool) pipeline.Verdict {
		return pipeline.Plan{}.JudgeClaimed(d, later, time.Minute)
	}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM attempts WHERE doubtful = 1`); n != 1 {
		t.Errorf("%d doubtful mints are counted, want 1", n)
	}
}
