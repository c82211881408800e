package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// Sync is one pass over the [source] query. Whoever it returned is enrolled;
// whoever it returned in the past and no longer does is withdrawn, but only by
// [Sync.Finish]: a pass that breaks off withdraws nobody.
type Sync struct {
	store *Store
	plan  Planner
}

// StartSync begins a pass. One pass at a time, by the holder of the [Lock].
func (s *Store) StartSync(ctx context.Context, plan Planner) (*Sync, error) {
	err := s.write(ctx, func(tx *sql.Tx) error {
		// The temporary table belongs to the one connection that writes.
		if _, err := tx.Exec(`CREATE TEMP TABLE IF NOT EXISTS returned (id TEXT PRIMARY KEY) WITHOUT ROWID`); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM temp.returned`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start the source pass: %w", err)
	}
	return &Sync{store: s, plan: plan}, nil
}

// Enrol takes users that the query returned.
func (y *Sync) Enrol(ctx context.Context, users []pipeline.User, now time.Time) (Enrolled, error) {
	counts, err := y.store.Enrol(ctx, users, Sourced, y.plan, now)
	if err != nil {
		return counts, err
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return counts, err
	}
	return counts, y.store.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT OR IGNORE INTO temp.returned SELECT value FROM json_each(?)`, string(list))
		return err
	})
}

// Finish withdraws the sourced users that this pass did not return: they get no
// more mail until the query returns them again. It returns how many.
func (y *Sync) Finish(ctx context.Context, now time.Time) (withdrawn int, err error) {
	err = y.store.write(ctx, func(tx *sql.Tx) error {
		gone, err := column[string](tx, `UPDATE users SET withdrawn = 1, updated_at = ?
			WHERE sourced = 1 AND withdrawn = 0 AND status = 'pending' AND id NOT IN (SELECT id FROM temp.returned)
			RETURNING id`, ms(now))
		if err != nil {
			return err
		}
		for _, id := range gone {
			err = errors.Join(err, cancelUnwanted(tx, id, now))
		}
		withdrawn = len(gone)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM temp.returned`)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("withdraw users that the source query no longer returns: %w", err)
	}
	return withdrawn, nil
}
