package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/internal/crash"
)

// byIndex keeps the plans of a transaction's statements as good in a ledger that was
// empty when they were made as in one of ten million users: a plan is kept for as
// long as its connection, and one made for a small table reads all of it. What can't
// go by an index then looks so dear that the server would compile it first.
const byIndex = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('jit', 'off', true)`

// newBatch returns the statements of a transaction, to be added to.
func newBatch() *pgx.Batch {
	var b pgx.Batch
	b.Queue(byIndex)
	return &b
}

// pipelined runs the statements in one transaction and one round trip: without a
// BEGIN of their own, those that are sent together are committed together. What
// they return holds only once pipelined has returned no error.
func (s *Store) pipelined(ctx context.Context, b *pgx.Batch) error {
	crash.Point("commit: before")
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	crash.Point("commit: after")
	return nil
}

// transact runs apply in a transaction, for a write that is made alone. Unlike
// [Store.write] it ends with ctx, for a group waits for it.
func (s *Store) transact(ctx context.Context, apply func(pgx.Tx) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	_, err = tx.Exec(ctx, byIndex)
	if err == nil {
		err = apply(tx)
	}
	if err != nil {
		if failed := tx.Rollback(ctx); failed != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", failed))
		}
		return err
	}
	crash.Point("commit: before")
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	crash.Point("commit: after")
	return nil
}

// indexed is [Store.write] for what is done with many deliveries at once.
func (s *Store) indexed(ctx context.Context, apply func(context.Context, pgx.Tx) error) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, byIndex); err != nil {
			return err
		}
		return apply(ctx, tx)
	})
}

// durably is indexed for a step of a run, at which a test can end the process.
func (s *Store) durably(ctx context.Context, apply func(context.Context, pgx.Tx) error) error {
	err := s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := apply(ctx, tx); err != nil {
			return err
		}
		crash.Point("commit: before")
		return nil
	})
	if err == nil {
		crash.Point("commit: after")
	}
	return err
}
