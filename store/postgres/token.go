package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// AddToken adds a token and audits it. The error wraps [store.ErrTokenTaken] when a
// valid one has the name.
func (s *Store) AddToken(ctx context.Context, t store.Token, by store.Act, now time.Time) error {
	if err := t.Check(); err != nil {
		return fmt.Errorf("add a token: %w", err)
	}
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// Of two at once the second one waits for the first.
		err := one(tx.Exec(ctx, `INSERT INTO tokens (name, role, digest, made_at, made_by) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING`, t.Name, t.Role, t.Digest[:], ms(now), text(by.Actor)))
		if errors.Is(err, errNotOurs) {
			return store.ErrTokenTaken
		}
		if err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "token_add", "", t.Name+", "+string(t.Role), now)
	})
	if err != nil {
		return fmt.Errorf("add the token %s: %w", t.Name, err)
	}
	return nil
}

// RevokeToken ends a token and the logins that were made with it, forgets the requests
// that came with it, since the next token may have its name, and audits it. The error
// wraps [store.ErrNotFound] when no valid one has the name.
func (s *Store) RevokeToken(ctx context.Context, name string, by store.Act, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		living, err := column[int64](ctx, tx, `UPDATE tokens SET revoked_at = $1 WHERE name = $2 AND revoked_at IS NULL RETURNING id`, ms(now), name)
		if err != nil {
			return err
		}
		if len(living) == 0 {
			return store.ErrNotFound
		}
		if _, err := tx.Exec(ctx, `DELETE FROM logins WHERE token_id = $1`, living[0]); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM requests WHERE token = $1`, name); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "token_revoke", "", name, now)
	})
	if err != nil {
		return fmt.Errorf("revoke the token %s: %w", name, err)
	}
	return nil
}

// Tokens returns every token that ever was, in the order in which they were made.
func (s *Store) Tokens(ctx context.Context) ([]store.TokenRecord, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, role, made_at, made_by, used_at, revoked_at FROM tokens ORDER BY id`)
	all, err := collect(rows, err, func(rows pgx.Rows) (t store.TokenRecord, err error) {
		var made, used, revoked *int64
		err = rows.Scan(&t.Name, &t.Role, &made, &t.MadeBy, &used, &revoked)
		t.MadeAt, t.UsedAt, t.RevokedAt = at(made), at(used), at(revoked)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the tokens: %w", err)
	}
	return all, nil
}

// TokenByDigest returns whose token that is, and notes that it was used. The error
// wraps [store.ErrNotFound] when nobody's is, or it was revoked. Where the ledger can't
// be written the holder is let in all the same: that is when one has to look.
func (s *Store) TokenByDigest(ctx context.Context, digest store.SecretDigest, now time.Time) (store.Login, error) {
	var l store.Login
	var id int64
	var used *int64
	err := s.pool.QueryRow(ctx, `SELECT id, name, role, used_at FROM tokens WHERE digest = $1 AND revoked_at IS NULL`, digest[:]).
		Scan(&id, &l.Name, &l.Role, &used)
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err == nil && store.Stale(at(used), now) {
		err = store.PassOutage(s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE tokens SET used_at = $1 WHERE id = $2`, ms(now), id)
			return err
		}))
	}
	if err != nil {
		return store.Login{}, fmt.Errorf("look up a token: %w", err)
	}
	return l, nil
}
