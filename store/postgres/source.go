package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Sync is one pass over the [source] query. Whoever it returned is enrolled;
// whoever it returned in the past and no longer does is withdrawn, but only by
// [Sync.Finish]: a pass that breaks off withdraws nobody.
//
// Whom a pass returned stands in a table, with the pass itself in its first row.
// There is nothing to close: a pass ends when it finishes, or when the next one
// begins, on whichever machine. The table is not logged, so that a crash of the
// server empties it; the pass finds its first row gone then, and withdraws nobody.
type Sync struct {
	store *Store
	plan  store.Planner
	pass  int64
}

// ErrOtherPass ends a pass that is no longer the one under way.
var ErrOtherPass = errors.New("another pass over the source has begun since, or the server was started again")

// quietPass is for how long a pass may write nothing before it counts as broken off.
// A batch takes some tenths of a second.
const quietPass = 30 * time.Second

// serverNow is the server's own clock in milliseconds, which only tells for how long
// a pass has been quiet.
const serverNow = `(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint`

// PassUnderWay tells whether some machine is pulling the source just now. To begin
// another pass would end that one.
func (s *Store) PassUnderWay(ctx context.Context) (underWay bool, err error) {
	// The row of the pass itself comes first.
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT seen_at FROM source_returned ORDER BY pass, id LIMIT 1), 0) > `+serverNow+` - $1`,
		quietPass.Milliseconds()).Scan(&underWay)
	if f := unwritable(err); f != nil {
		return false, f
	}
	if err != nil {
		return false, fmt.Errorf("look whether the source is being pulled: %w", err)
	}
	return underWay, nil
}

// StartSync begins a pass, and ends the one before.
func (s *Store) StartSync(ctx context.Context, plan store.Planner) (*Sync, error) {
	y := &Sync{store: s, plan: plan}
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// Waits for a batch of the pass before, and for another machine that begins one.
		if _, err := tx.Exec(ctx, `LOCK TABLE source_returned IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM source_returned`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO source_returned (pass, id, seen_at) VALUES (nextval('source_passes'), '', `+serverNow+`) RETURNING pass`).Scan(&y.pass)
	})
	if err != nil {
		return nil, fmt.Errorf("start the source pass: %w", err)
	}
	return y, nil
}

// Enrol takes users that the query returned.
func (y *Sync) Enrol(ctx context.Context, users []pipeline.User, now time.Time) (store.Enrolled, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	var counts store.Enrolled
	err := y.write(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		if counts, err = enrol(ctx, tx, users, store.Sourced, y.plan, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO source_returned (pass, id) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, y.pass, ids)
		return err
	})
	if err != nil {
		return store.Enrolled{}, err
	}
	return counts, nil
}

// Finish withdraws the sourced users that this pass did not return: they get no
// more mail until the query returns them again. It returns how many.
func (y *Sync) Finish(ctx context.Context, now time.Time) (withdrawn int, err error) {
	err = y.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		gone, err := column[int64](ctx, tx, `SELECT u.key FROM users u
			WHERE u.sourced AND NOT u.withdrawn AND u.status = 'pending'
				AND NOT EXISTS (SELECT 1 FROM source_returned r WHERE r.pass = $1 AND r.id = u.id)
			ORDER BY u.key FOR NO KEY UPDATE OF u`, y.pass)
		if err != nil {
			return err
		}
		withdrawn = len(gone)
		if _, err := tx.Exec(ctx, `UPDATE users SET withdrawn = true, updated_at = $2 WHERE key = ANY($1)`, gone, now.UnixMilli()); err != nil {
			return err
		}
		if err := cancelUnwanted(ctx, tx, gone, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM source_returned`)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("withdraw users that the source query no longer returns: %w", err)
	}
	return withdrawn, nil
}

// write runs apply while the pass is under way, and sees to it that no other one
// begins meanwhile.
func (y *Sync) write(ctx context.Context, apply func(context.Context, pgx.Tx) error) error {
	return y.store.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE source_returned IN ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		here, err := tx.Exec(ctx, `UPDATE source_returned SET seen_at = `+serverNow+` WHERE pass = $1 AND id = ''`, y.pass)
		if err != nil {
			return err
		}
		if here.RowsAffected() == 0 {
			return ErrOtherPass
		}
		return apply(ctx, tx)
	})
}
