package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// ProbeNow is as [store.Store.ProbeNow].
func (s *Store) ProbeNow(ctx context.Context, by store.Act, now time.Time) (ripe bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE pauses SET probe_at = least(probe_at, $1) WHERE country = ''`, now.UnixMilli())
		if ripe = tag.RowsAffected() > 0; err != nil || !ripe {
			return err
		}
		return addAudit(ctx, tx, by, store.ActTryNow, "", "", now)
	})
	if err != nil {
		return false, fmt.Errorf("have the outage probed: %w", err)
	}
	return ripe, nil
}
