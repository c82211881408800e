package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Login is who came with a valid token or cookie.
type Login struct {
	Name string // of the token
	Role Role
}

// NewLogin is a login that is to be.
type NewLogin struct {
	Cookie    SecretDigest
	Token     SecretDigest // that was shown
	Bootstrap bool         // it is the token of the configuration, which has no row
	EndsAt    time.Time    // at the latest
}

// LoginRules say which logins count.
type LoginRules struct {
	Bootstrap *SecretDigest // the token that the configuration has now; nil when it has none
	Idle      time.Duration // a login that was not used for so long has ended
	Glance    bool          // it is looked at, and not used: a page that follows by itself keeps no login alive
}

// StartLogin begins a login for the holder of a token, and forgets those that have
// ended. The error wraps [ErrNotFound] when the token is nobody's, or was revoked.
func (s *Store) StartLogin(ctx context.Context, l NewLogin, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`DELETE FROM logins WHERE ends_at <= ?`, ms(now)); err != nil {
			return err
		}
		var token, bootstrap any
		if bootstrap = l.Token[:]; !l.Bootstrap {
			living, err := column[int64](tx, `SELECT id FROM tokens WHERE digest = ? AND revoked_at IS NULL`, l.Token[:])
			if err != nil {
				return err
			}
			if len(living) == 0 {
				return ErrNotFound
			}
			token, bootstrap = living[0], nil
		}
		_, err := tx.Exec(`INSERT INTO logins (digest, token_id, bootstrap, made_at, ends_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)`,
			l.Cookie[:], token, bootstrap, ms(now), ms(l.EndsAt), ms(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("start a login: %w", err)
	}
	return nil
}

// Login returns who is signed in with that cookie, and notes that it was used, unless
// it is a glance. The error wraps [ErrNotFound] for a login that has ended: by its time, because nobody
// used it, by [Store.EndLogin], or because its token was revoked or is not the one of
// the configuration any more. Where the ledger can't be written the holder is let in
// all the same.
func (s *Store) Login(ctx context.Context, cookie SecretDigest, r LoginRules, now time.Time) (Login, error) {
	var l Login
	var seen sql.NullInt64
	err := s.reads.QueryRowContext(ctx, `SELECT coalesce(t.name, ?1), coalesce(t.role, ?2), l.seen_at
		FROM logins l LEFT JOIN tokens t ON t.id = l.token_id
		WHERE l.digest = ?3 AND l.ends_at > ?4 AND l.seen_at > ?5 AND t.revoked_at IS NULL AND (l.token_id IS NOT NULL OR l.bootstrap = ?6)`,
		BootstrapName, Operator, cookie[:], ms(now), now.Add(-r.Idle).UnixMilli(), r.bootstrap()).Scan(&l.Name, &l.Role, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil && !r.Glance && Stale(at(seen), now) {
		err = PassOutage(s.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE logins SET seen_at = ? WHERE digest = ?`, ms(now), cookie[:])
			return err
		}))
	}
	if err != nil {
		return Login{}, fmt.Errorf("look up a login: %w", err)
	}
	return l, nil
}

// bootstrap is the digest as the ledger compares it: NULL is equal to nothing.
func (r LoginRules) bootstrap() any {
	if r.Bootstrap == nil {
		return nil
	}
	return r.Bootstrap[:]
}

// EndLogin ends the login with that cookie, if there is one.
func (s *Store) EndLogin(ctx context.Context, cookie SecretDigest) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM logins WHERE digest = ?`, cookie[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("end a login: %w", err)
	}
	return nil
}
