package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// shredAtOnce bounds the links that one commit shreds.
const shredAtOnce = 1000

// Shred wipes the links that have expired, those of sessions too: nobody can use
// them any more. Those of users who are done are wiped when their status changes. It
// notes the mints whose lease is over, and folds the counts besides. Several machines
// may shred at once; each takes what the others don't.
func (s *Store) Shred(ctx context.Context, now time.Time) error {
	if err := s.lapseSessions(ctx, now); err != nil {
		return fmt.Errorf("note the mints whose lease is over: %w", err)
	}
	for _, table := range []string{"links", "sessions"} {
		if err := s.shred(ctx, table, now); err != nil {
			return fmt.Errorf("shred expired %s: %w", table, err)
		}
	}
	return s.FoldCounts(ctx)
}

func (s *Store) shred(ctx context.Context, table string, now time.Time) error {
	for more := true; more; {
		err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			result, err := tx.Exec(ctx, `UPDATE `+table+` SET sealed = NULL WHERE id IN (
				SELECT id FROM `+table+` WHERE sealed IS NOT NULL AND expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.UnixMilli(), shredAtOnce)
			more = result.RowsAffected() == shredAtOnce
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
