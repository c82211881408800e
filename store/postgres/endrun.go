package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// Ending is how a run of the fleet ends.
type Ending struct {
	Run        int64
	Machine    int64 // that pulled for it
	Report     pipeline.Report
	Failure    error
	ApprovedAt time.Time // of the approval that it went by, zero for none

	// Again inserts the job that makes up for a run which did not go well, unless one
	// of its kind waits already. nil plans none.
	Again func(context.Context, pgx.Tx) error
	Kind  string // of the jobs that make runs
}

// EndRun writes down how a run ended, with all that follows from it: an approval is
// spent and another run planned together with that, or neither is. A machine whose run
// it is not, and one that ends it for the second time, gets [ErrRunLost].
func (s *Store) EndRun(ctx context.Context, e Ending, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var run int64
		err := tx.QueryRow(ctx, `SELECT id FROM runs WHERE id = $1 AND machine_id = $2 AND finished_at IS NULL FOR UPDATE`, e.Run, e.Machine).Scan(&run)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrRunLost
		}
		if err == nil {
			err = finishRun(ctx, tx, run, e.Report, e.Failure, now)
		}
		if err != nil {
			return err
		}
		if !e.ApprovedAt.IsZero() {
			if err := spendApproval(ctx, tx, e.ApprovedAt, e.Report.Sent); err != nil {
				return err
			}
		}
		if e.Again == nil {
			return nil
		}
		planned, err := plannedAgain(ctx, tx, e.Kind)
		if err != nil || planned {
			return err
		}
		return e.Again(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("finish run %d: %w", e.Run, err)
	}
	return nil
}

// plannedAgain tells whether a run is planned that makes up for one that did not go
// well. Of two that end at once the second waits, to see what the first has planned.
func plannedAgain(ctx context.Context, tx pgx.Tx, kind string) (planned bool, err error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, opening); err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE kind = $1 AND state IN ('available', 'scheduled') AND args @> '{"again": true}')`, kind).Scan(&planned)
	return planned, err
}
