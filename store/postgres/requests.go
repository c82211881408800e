package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// StartRequest takes the key for a request, and returns nil then. Where it is taken it
// returns what is known of that request, on whichever machine it was made. One that
// was made at forgotten or before is not known any more, and one that was at lost or
// before and has no answer died with its process.
func (s *Store) StartRequest(ctx context.Context, k store.RequestKey, d store.RequestDigest, forgotten, lost, now time.Time) (known *store.Request, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		known = nil
		// Where another machine forgets them this moment, there is nothing to wait for.
		if _, err := tx.Exec(ctx, `DELETE FROM requests WHERE (token, key) IN (SELECT token, key FROM requests
			WHERE made_at <= $1 OR token = $2 AND key = $3 AND status IS NULL AND made_at <= $4 FOR UPDATE SKIP LOCKED)`,
			ms(forgotten), k.Token, k.Key, ms(lost)); err != nil {
			return err
		}
		// One that is taken this moment waits for the other, and finds it then.
		taken, err := tx.Exec(ctx, `INSERT INTO requests (token, key, digest, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			k.Token, k.Key, d[:], ms(now))
		if err != nil || taken.RowsAffected() == 1 {
			return err
		}
		var digest []byte
		known = &store.Request{}
		err = tx.QueryRow(ctx, `SELECT digest, coalesce(status, 0), body FROM requests WHERE token = $1 AND key = $2`, k.Token, k.Key).
			Scan(&digest, &known.Status, &known.Body)
		copy(known.Digest[:], digest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take the key of a request: %w", err)
	}
	return known, nil
}

// FinishRequest keeps the answer to a request, without its body where that holds a
// link.
func (s *Store) FinishRequest(ctx context.Context, k store.RequestKey, status int, body []byte) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE requests SET status = $1, body = $2 WHERE token = $3 AND key = $4 AND status IS NULL`, status, body, k.Token, k.Key)
		if err == nil && done.RowsAffected() == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the answer to a request: %w", err)
	}
	return nil
}

// DropRequest forgets a request that was not done.
func (s *Store) DropRequest(ctx context.Context, k store.RequestKey) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM requests WHERE token = $1 AND key = $2 AND status IS NULL`, k.Token, k.Key)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget a request: %w", err)
	}
	return nil
}
