package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// JudgeOrphan says what becomes of a delivery whose owner is gone; begun tells
// whether its mail may have left.
type JudgeOrphan func(d *pipeline.Delivery, begun bool) pipeline.Verdict

// Recover settles what an earlier owner left behind; only the process that
// holds the [Lock] may call it, while no run is under way. It returns how many
// deliveries were only claimed, and how many were on the wire.
func (s *Store) Recover(ctx context.Context, now time.Time, judge JudgeOrphan) (returned, doubted int, err error) {
	if err := s.checkBeforeDoubt(ctx); err != nil {
		return 0, 0, fmt.Errorf("recover what an earlier run left behind: %w", err)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		// A newer alta may have migrated the ledger, and the key may have been
		// changed, while this process waited for the lock; while it has the lock,
		// nobody does either.
		if err := current(tx); err != nil {
			return err
		}
		if err := here(tx); err != nil {
			return err
		}
		if key := s.key.Load(); key != nil {
			if err := fits(tx, key); err != nil {
				return fmt.Errorf("%w; if it was changed since this alta started, start it again", err)
			}
		}
		var err error
		if returned, err = s.recover(tx, pipeline.Claimed, judge, now); err != nil {
			return err
		}
		if doubted, err = s.recover(tx, pipeline.Sending, judge, now); err != nil {
			return err
		}
		// Nobody knows how much of an approval a run that died has used up.
		if _, err := tx.Exec(`UPDATE approval SET mails = 0 WHERE taken = 1 AND EXISTS (SELECT 1 FROM runs WHERE finished_at IS NULL)`); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE runs SET finished_at = ?, error = 'the process ended before the run did' WHERE finished_at IS NULL`, ms(now))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("recover what an earlier run left behind: %w", err)
	}
	return returned, doubted, nil
}

// checkBeforeDoubt checks, where mails were on the wire, the tables in which a
// run writes down that they were sent, with their indexes, and the tables of what
// is counted then. Their process may have ended because damage kept it from that,
// and they would go out again.
func (s *Store) checkBeforeDoubt(ctx context.Context) error {
	var wire bool
	err := s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries
		WHERE state = 'sending' AND run_id IS NOT NULL)`).Scan(&wire)
	if f := unwritable(err); f != nil {
		return f
	}
	if err != nil || !wire {
		return err
	}
	for _, table := range []string{"deliveries", "attempts", "users", "queue_counts", "funnel_counts"} {
		if err := s.check(ctx, `PRAGMA integrity_check(`+table+`)`); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) recover(tx *sql.Tx, state pipeline.State, judge JudgeOrphan, now time.Time) (n int, err error) {
	orphans, err := deliveries(tx, s.key.Load(), `WHERE d.state = ? AND d.run_id IS NOT NULL`, state)
	if err != nil {
		return 0, err
	}
	for i := range orphans {
		d := &orphans[i]
		var run int64
		if err := tx.QueryRow(`SELECT run_id FROM deliveries WHERE id = ?`, d.ID).Scan(&run); err != nil {
			return 0, err
		}
		if err := record(tx, run, d, judge(d, state == pipeline.Sending), now); err != nil {
			return 0, err
		}
	}
	return len(orphans), nil
}
