package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// StartLogin begins a login for the holder of a token, and forgets those that have
// ended. The error wraps [store.ErrNotFound] when the token is nobody's, or was
// revoked.
func (s *Store) StartLogin(ctx context.Context, l store.NewLogin, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// Where another machine forgets them this moment, there is nothing to wait for.
		if _, err := tx.Exec(ctx, `DELETE FROM logins WHERE digest IN (SELECT digest FROM logins WHERE ends_at <= $1 FOR UPDATE SKIP LOCKED)`, ms(now)); err != nil {
			return err
		}
		var token *int64
		bootstrap := l.Token[:]
		if !l.Bootstrap {
			// A token that is revoked this moment waits, and ends this login then.
			living, err := column[int64](ctx, tx, `SELECT id FROM tokens WHERE digest = $1 AND revoked_at IS NULL FOR SHARE`, l.Token[:])
			if err != nil {
				return err
			}
			if len(living) == 0 {
				return store.ErrNotFound
			}
			token, bootstrap = &living[0], nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO logins (digest, token_id, bootstrap, made_at, ends_at, seen_at) VALUES ($1, $2, $3, $4, $5, $4)`,
			l.Cookie[:], token, bootstrap, ms(now), ms(l.EndsAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("start a login: %w", err)
	}
	return nil
}

// Login returns who is signed in with that cookie, and notes that it was used, unless
// it is a glance. The error wraps [store.ErrNotFound] for a login that has ended: by its time, because
// nobody used it, by [Store.EndLogin], or because its token was revoked or is not the
// one of the configuration any more. Where the ledger can't be written the holder is
// let in all the same.
func (s *Store) Login(ctx context.Context, cookie store.SecretDigest, r store.LoginRules, now time.Time) (store.Login, error) {
	var l store.Login
	var seen *int64
	var bootstrap []byte // NULL is equal to nothing
	if r.Bootstrap != nil {
		bootstrap = r.Bootstrap[:]
	}
	err := s.pool.QueryRow(ctx, `SELECT coalesce(t.name, $1), coalesce(t.role, $2), l.seen_at
		FROM logins l LEFT JOIN tokens t ON t.id = l.token_id
		WHERE l.digest = $3 AND l.ends_at > $4 AND l.seen_at > $5 AND t.revoked_at IS NULL AND (l.token_id IS NOT NULL OR l.bootstrap = $6)`,
		store.BootstrapName, store.Operator, cookie[:], ms(now), now.Add(-r.Idle).UnixMilli(), bootstrap).Scan(&l.Name, &l.Role, &seen)
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err == nil && !r.Glance && store.Stale(at(seen), now) {
		err = store.PassOutage(s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE logins SET seen_at = $1 WHERE digest = $2`, ms(now), cookie[:])
			return err
		}))
	}
	if err != nil {
		return store.Login{}, fmt.Errorf("look up a login: %w", err)
	}
	return l, nil
}

// EndLogin ends the login with that cookie, if there is one.
func (s *Store) EndLogin(ctx context.Context, cookie store.SecretDigest) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM logins WHERE digest = $1`, cookie[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("end a login: %w", err)
	}
	return nil
}
