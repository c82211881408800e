package postgres

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"alta/internal/pgcluster/pgtest"
	"alta/store"
	"alta/store/storetest"
)

func TestInvariants(t *testing.T) {
	s := openAt(t, pgtest.NewDatabase(t, pgtest.Shared(t)))
	storetest.Invariants(t, func(rt *rapid.T) storetest.InvariantLedger {
		if err := s.empty(rt.Context()); err != nil {
			rt.Fatal(err)
		}
		return openLedger{ledger{s}}
	})
}

// empty makes the ledger as good as new, which takes a small part of the time that a
// copy takes. That it does so to the numbers of the rows too lets a life be lived again.
func (s *Store) empty(ctx context.Context) error {
	var statement string
	err := s.pool.QueryRow(ctx, `SELECT 'TRUNCATE ' || string_agg(c.oid::regclass::text, ', ') || ' RESTART IDENTITY'
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
			AND c.relname NOT IN ('ledger', 'goose_db_version') AND c.relname NOT LIKE 'river%'`).Scan(&statement)
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, statement)
	return err
}

// openLedger shows the suite the numbers of the claims too, by which a delivery is
// written about.
type openLedger struct{ ledger }

func (l openLedger) Queue(run int64, only store.Only) storetest.Queue {
	return l.Store.Queue(run, only)
}

func (l openLedger) Column(ctx context.Context, query string, args ...any) ([]string, error) {
	return column[string](ctx, l.pool, query, args...)
}
