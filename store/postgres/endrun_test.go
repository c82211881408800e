package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

const makesRuns = "make_runs"

// planned inserts a job as [Ending.Again] does.
func planned(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `INSERT INTO river_job (kind, args, max_attempts, state, scheduled_at)
		VALUES ($1, '{"again": true}', 3, 'scheduled', now() + interval '5 minutes')`, makesRuns)
	return err
}

func TestEndRun(t *testing.T) {
	lost := func(err error) error {
		if errors.Is(err, ErrRunLost) {
			return nil
		}
		return fmt.Errorf("the run counts as this machine's: %w", err)
	}
	notWell := func(e Ending) Ending { e.Again = planned; return e }
	for _, c := range []struct {
		name  string
		end   func(s *Store, e Ending) error
		fails bool
		spent int // of the approval of 100 mails and a tenth more, by a run that sent 30
		jobs  int
		ended int
	}{
		{"a run that went well spends its approval, and plans no other", func(s *Store, e Ending) error {
			return s.EndRun(t.Context(), e, noon)
		}, false, 30, 0, 1},
		{"one that did not go well is made up for", func(s *Store, e Ending) error {
			return s.EndRun(t.Context(), notWell(e), noon)
		}, false, 30, 1, 1},
		{"an end whose answer was lost is told again, and nothing is spent or planned twice", func(s *Store, e Ending) error {
			err := s.EndRun(t.Context(), notWell(e), noon)
			return errors.Join(err, lost(s.EndRun(t.Context(), notWell(e), noon)))
		}, false, 30, 1, 1},
		{"a machine whose run another one has taken over ends nothing", func(s *Store, e Ending) error {
			e.Machine++
			return lost(s.EndRun(t.Context(), notWell(e), noon))
		}, false, 0, 0, 0},
		{"two runs that did not go well are made up for by one", func(s *Store, e Ending) error {
			other := e
			other.Run, other.ApprovedAt = e.Run+1, time.Time{}
			return errors.Join(s.EndRun(t.Context(), notWell(e), noon), s.EndRun(t.Context(), notWell(other), noon))
		}, false, 30, 1, 2},
		{"where the other run can't be planned, the run has not ended and its approval is whole", func(s *Store, e Ending) error {
			e.Again = func(context.Context, pgx.Tx) error { return errors.New("no more jobs") }
			return s.EndRun(t.Context(), e, noon)
		}, true, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			run := startRun(t, s).run
			startRun(t, s)
			approval := pipeline.Approve(100, noon)
			if err := s.Approve(t.Context(), approval, store.Act{}); err != nil {
				t.Fatal(err)
			}
			s.exec(t, `UPDATE runs SET machine_id = 7`)
			e := Ending{Run: run, Machine: 7, Report: pipeline.Report{Selected: 30, Sent: 30}, ApprovedAt: approval.GivenAt, Kind: makesRuns}
			if err := c.end(s, e); (err != nil) != c.fails {
				t.Fatal(err)
			}
			if got := approval.Mails - number(t, s, `SELECT mails FROM approval`); got != c.spent {
				t.Errorf("%d mails of the approval are spent, want %d", got, c.spent)
			}
			if got := number(t, s, `SELECT count(*) FROM river_job WHERE kind = $1`, makesRuns); got != c.jobs {
				t.Errorf("%d runs are planned, want %d", got, c.jobs)
			}
			if got := number(t, s, `SELECT count(*) FROM runs WHERE finished_at IS NOT NULL AND sent = 30`); got != c.ended {
				t.Errorf("%d runs have ended, want %d", got, c.ended)
			}
		})
	}
}

// TestUnreadIndexesAreGone holds River's migrations against what alta drops: an index
// that has another name by now would be written to again, and a reindexer that is told
// of one that is missing complains.
func TestUnreadIndexesAreGone(t *testing.T) {
	s := newStore(t)
	if n := number(t, s, `SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE i.indrelid = 'river_job'::regclass AND a.amname = 'gin'`); n > 0 {
		t.Errorf("%d indexes of river_job are GIN, which nothing searches", n)
	}
}
