package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// longestWrite bounds a transaction of whatever size: one that takes longer waits
// for a server that will not answer.
const longestWrite = 10 * time.Minute

// mostTries bounds how often a transaction is made that others got in the way of.
const mostTries = 5

// write runs apply in a transaction of its own and returns once it is durable.
// When apply fails nothing of it is written. apply may run again after it was
// undone, so it sets what it returns anew each time. A write that has begun ends
// when its caller is told to stop, too; only a deadline of the caller's cuts it off.
func (s *Store) write(ctx context.Context, apply func(context.Context, pgx.Tx) error) error {
	var err error
	for range mostTries {
		if err = s.writeOnce(ctx, apply); !mayWorkAgain(err) {
			break
		}
	}
	if f := unwritable(err); f != nil {
		s.trouble.Store(f)
		return f
	}
	if err == nil {
		s.trouble.Store(nil)
	}
	return err
}

func (s *Store) writeOnce(ctx context.Context, apply func(context.Context, pgx.Tx) error) (err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	defer conn.Release()
	ctx, cancel := begun(ctx)
	defer cancel()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := apply(ctx, tx); err != nil {
		if failed := tx.Rollback(ctx); failed != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", failed))
		}
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// begun returns a context that ends with the deadline of ctx, and not before.
func begun(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if bounded {
		return context.WithDeadline(ctx, deadline)
	}
	return context.WithTimeout(ctx, longestWrite)
}

// lookIndexed is look for what must go by an index whatever the server thinks that the
// tables hold.
func (s *Store) lookIndexed(ctx context.Context, read func(pgx.Tx) error) error {
	return s.look(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, byIndex); err != nil {
			return err
		}
		return read(tx)
	})
}

// look runs read in a transaction that writes nothing and sees the ledger at one
// moment, so that figures belong together.
func (s *Store) look(ctx context.Context, read func(pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
	if f := unwritable(err); f != nil {
		return f
	}
	return err
}
