package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// ActTryNow is the action of the audit log of whoever has an outage probed at once.
const ActTryNow = "try_now"

// ProbeNow has the next run try one mail, though the outage in force said to wait,
// and audits it. Without an outage it changes nothing, and returns false.
func (s *Store) ProbeNow(ctx context.Context, by Act, now time.Time) (ripe bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		ripened, err := column[pipeline.Country](tx, `UPDATE pauses SET probe_at = min(probe_at, ?) WHERE country = '' RETURNING country`, ms(now))
		if ripe = len(ripened) > 0; err != nil || !ripe {
			return err
		}
		return addAudit(tx, by, ActTryNow, "", "", now)
	})
	if err != nil {
		return false, fmt.Errorf("have the outage probed: %w", err)
	}
	return ripe, nil
}
