package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// shredAtOnce bounds the links that one commit shreds.
const shredAtOnce = 1000

// Shred wipes the links that have expired: nobody can use them any more. Those
// of users who are done are wiped when their status changes. It folds the counts
// besides. Several machines may shred at once; each takes what the others don't.
func (s *Store) Shred(ctx context.Context, now time.Time) error {
	for more := true; more; {
		err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			result, err := tx.Exec(ctx, `UPDATE links SET sealed = NULL WHERE id IN (
				SELECT id FROM links WHERE sealed IS NOT NULL AND expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.UnixMilli(), shredAtOnce)
			more = result.RowsAffected() == shredAtOnce
			return err
		})
		if err != nil {
			return fmt.Errorf("shred expired links: %w", err)
		}
	}
	return s.FoldCounts(ctx)
}
