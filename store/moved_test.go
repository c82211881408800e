package store

import (
	"errors"
	"strings"
	"testing"

	"alta/pipeline"
)

var mover = Act{Actor: "olga"}

// movedLedger is a ledger with a user, which has moved.
func movedLedger(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	c, err := s.BeginMove(t.Context())
	if err == nil {
		err = s.MarkMoved(t.Context(), c, "db.example/o'hara", mover, noon)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestALedgerThatHasMovedRefusesToSendAndToBeWritten(t *testing.T) {
	s := movedLedger(t)
	ctx := t.Context()
	const text = "this ledger was moved to db.example/o'hara on 2026-03-02 12:00 UTC; set database.url there (or, if that was a mistake, see docs/scale.md)"
	person := func(id string) []pipeline.User {
		return []pipeline.User{{ID: id, Email: "new@example.com", Name: "Name", Country: pipeline.MX}}
	}
	for what, do := range map[string]func() error{
		"StartRun": func() error { _, _, err := s.StartRun(ctx, ByCommand, noon, 0, noon); return err },
		"Recover": func() error {
			_, _, err := s.Recover(ctx, noon, func(*pipeline.Delivery, bool) pipeline.Verdict { return pipeline.Verdict{} })
			return err
		},
		"Enrol a newcomer": func() error { _, err := s.Enrol(ctx, person("bob"), Imported, inviteAt(noon), noon); return err },
		"Enrol a change":   func() error { _, err := s.Enrol(ctx, person("ana"), Imported, inviteAt(noon), noon); return err },
		"Mark":             func() error { return s.Mark(ctx, "ana", pipeline.Verified, inviteAt(noon), mover, noon) },
		"Erase":            func() error { return s.Erase(ctx, "ana", mover, noon) },
		"Resend":           func() error { _, err := s.Resend(ctx, "ana", pipeline.Reminder, true, mover, noon); return err },
		"Rekey":            func() error { return s.Rekey(ctx, testKey(t), mover, noon) },
		"UseKey":           func() error { return s.UseKey(ctx, testKey(t)) },
		"Approve":          func() error { return s.Approve(ctx, pipeline.Approval{GivenAt: noon, EndsAt: noon}, mover) },
		"BeginMove":        func() error { _, err := s.BeginMove(ctx); return err },
		"another program":  func() error { _, err := s.writes.Exec(`UPDATE deliveries SET due_at = 0`); return movedError(err) },
	} {
		if err := do(); !errors.Is(err, ErrMoved) || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("%s returned %v", what, err)
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	if r, err := s.Find(ctx, "ana"); err != nil || r.User.Status != pipeline.Pending {
		t.Errorf("found %+v (%v)", r, err)
	}
	if lines, err := s.Audit(ctx, ""); err != nil || len(lines) != 1 || lines[0].Action != "move" || lines[0].Detail != "to db.example/o'hara" {
		t.Errorf("the audit log is %+v (%v)", lines, err)
	}
	copied := t.TempDir() + "/copy.db"
	if err := s.Backup(ctx, copied); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openCopy(t, copied).StartRun(ctx, ByCommand, noon, 0, noon); !errors.Is(err, ErrMoved) {
		t.Errorf("a run of a backup begins with %v", err)
	}
	// The way back, for whoever has seen to it that the other one never sends.
	if _, err := s.writes.Exec(`DELETE FROM moved`); err != nil {
		t.Fatal(err)
	}
	enrolIDs(t, s, "bob")
}

func openCopy(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAMoveNotesWhatIsWrittenMeanwhile(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	first, err := s.BeginMove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StillHolds(t.Context(), first); err != nil {
		t.Error(err)
	}
	enrolIDs(t, s, "ana") // changes nothing
	if err := s.UseKey(t.Context(), testKey(t)); err != nil {
		t.Error(err)
	}
	if err := s.StillHolds(t.Context(), first); err != nil {
		t.Errorf("nothing was written, and yet: %v", err)
	}
	enrolIDs(t, s, "bob")
	for _, err := range []error{s.StillHolds(t.Context(), first), s.MarkMoved(t.Context(), first, "x", mover, noon)} {
		if !errors.Is(err, errWritten) {
			t.Errorf("after a write: %v", err)
		}
	}
	second, err := s.BeginMove(t.Context())
	if err != nil || second.Ledger != first.Ledger || second.Turn == first.Turn {
		t.Errorf("the first is %v and the second %v (%v)", first, second, err)
	}
	if err := s.StillHolds(t.Context(), first); !errors.Is(err, errWritten) {
		t.Errorf("the first turn: %v", err)
	}
	if _, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon); err != nil {
		t.Errorf("a run of a ledger that has not moved: %v", err)
	}
}

func TestNoMoveBeginsWhileAMailIsOnItsWay(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Queue(run, Everything).Pull(t.Context(), noon, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginMove(t.Context()); err == nil || !strings.Contains(err.Error(), "a mail is on its way") {
		t.Errorf("it began with %v", err)
	}
}
