package postgres

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// UseKey gives the ledger the key that seals its links. The first key that a
// ledger is given is its own from then on; any other is refused with
// [store.ErrWrongKey]. Call it before [Store.Queue] and [Store.Recover].
func (s *Store) UseKey(ctx context.Context, k *store.Key) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO data_key (digest) VALUES ($1) ON CONFLICT DO NOTHING`, k.Digest()); err != nil {
			return err
		}
		return fits(ctx, tx, k)
	})
	if err != nil {
		return fmt.Errorf("use the data key: %w", err)
	}
	s.key.Store(k)
	return nil
}

// HasKey tells whether the ledger has been given its data key.
func (s *Store) HasKey(ctx context.Context) (has bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM data_key)`).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for the data key's mark: %w", err)
	}
	return has, nil
}

// CheckKey returns [store.ErrWrongKey] when the ledger has another key than k, and
// changes nothing.
func (s *Store) CheckKey(ctx context.Context, k *store.Key) error {
	if err := fits(ctx, s.pool, k); err != nil {
		return fmt.Errorf("check the data key: %w", err)
	}
	return nil
}

// fits returns ErrWrongKey when the ledger has another key than k.
func fits(ctx context.Context, q querier, k *store.Key) error {
	known, err := column[[]byte](ctx, q, `SELECT digest FROM data_key`)
	if err == nil && len(known) > 0 && subtle.ConstantTimeCompare(known[0], k.Digest()) != 1 {
		return store.ErrWrongKey
	}
	return err
}

// SealedLinks counts the links that only the data key opens, those of sessions among
// them.
func (s *Store) SealedLinks(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM links WHERE sealed IS NOT NULL) + (SELECT count(*) FROM sessions WHERE sealed IS NOT NULL)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the sealed links: %w", err)
	}
	return n, nil
}

// Rekey makes k the ledger's key and forgets the links that the old one sealed:
// nobody needs that one any more. Links that users have keep working; a mail
// that is still due gets a fresh one. No machine may work on the ledger
// meanwhile, for it would go on with the old key.
func (s *Store) Rekey(ctx context.Context, k *store.Key, by store.Act, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO data_key (digest) VALUES ($1) ON CONFLICT (one) DO UPDATE SET digest = excluded.digest`, k.Digest()); err != nil {
			return err
		}
		for _, table := range []string{"links", "sessions"} {
			if _, err := tx.Exec(ctx, `UPDATE `+table+` SET sealed = NULL, fingerprint = NULL WHERE sealed IS NOT NULL OR fingerprint IS NOT NULL`); err != nil {
				return err
			}
		}
		return addAudit(ctx, tx, by, "rekey", "", "", now)
	})
	if err != nil {
		return fmt.Errorf("change the data key: %w", err)
	}
	s.key.Store(k)
	return nil
}
