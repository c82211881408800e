package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNoLedger says that the database has no ledger yet.
var ErrNoLedger = errors.New("there is no ledger yet")

// exists returns [ErrNoLedger] for a database without a ledger.
func exists(ctx context.Context, pool *pgxpool.Pool) error {
	var made bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass('ledger') IS NOT NULL`).Scan(&made); err != nil {
		return fmt.Errorf("look for the ledger at %s: %w", address(pool), err)
	}
	if !made {
		return fmt.Errorf("%w at %s; 'alta migrate', 'alta users import' or 'alta serve' makes it", ErrNoLedger, address(pool))
	}
	return nil
}

// migrationLock is the advisory lock that a migration holds: "alta" in ASCII.
const migrationLock = 0x616c7461

// migrate applies the migrations that the ledger lacks, its own and River's, one
// machine at a time. A ledger that a newer alta has changed is fine as long as that
// one says so: then the machines of two releases work beside each other.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	want, err := newestVersion()
	if err != nil {
		return err
	}
	if done, err := isCurrent(ctx, pool, want); err != nil || done {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := lockForMigration(ctx, conn); err != nil {
		return fmt.Errorf("wait for another machine's migration: %w", err)
	}
	err = migrateLocked(ctx, pool, want)
	_, unlockErr := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrationLock)
	return errors.Join(err, unlockErr)
}

// migratesEvery is how often a machine looks whether another one's migration has ended.
const migratesEvery = 100 * time.Millisecond

// lockForMigration waits for the advisory lock. The session holds it, so that it is
// given back when the connection ends, however that happens. A statement that waits
// would keep an index from being built concurrently, which waits for all statements
// that began before, and so for this one; so it asks again and again.
func lockForMigration(ctx context.Context, conn *pgxpool.Conn) error {
	for {
		var mine bool
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, migrationLock).Scan(&mine); err != nil || mine {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migratesEvery):
		}
	}
}

func migrateLocked(ctx context.Context, pool *pgxpool.Pool, want int64) error {
	if done, err := isCurrent(ctx, pool, want); err != nil || done {
		return err // another machine has done it meanwhile
	}
	if err := isOurs(ctx, pool); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := migrateUp(ctx, provider); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	if _, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River's tables: %w", err)
	}
	return dropUnread(ctx, pool)
}

// mostMigrations bounds how often a migration is tried: for about a minute, as each
// waits for a second.
const mostMigrations = 60

// errBusy says that the schema can't be changed now.
var errBusy = errors.New("a transaction that lasts, of a backup or an import for example, keeps the schema from being changed; nothing is lost, try again once it has ended")

// migrateUp tries again while others have the tables: whoever waits for one to change
// it makes all others wait behind, so that no migration waits for long.
func migrateUp(ctx context.Context, provider *goose.Provider) error {
	for range mostMigrations {
		_, err := provider.Up(ctx)
		code, _ := sqlState(err)
		if code != codeLockTimeout && !mayWorkAgain(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migratesEvery):
		}
	}
	return errBusy
}

// Unread are indexes of River's by which neither River nor alta searches, and to
// which each step of each job would write. River leaves it to whoever runs it to drop
// them (riverqueue/river, issue 1296).
func Unread() []string { return []string{"river_job_args_index", "river_job_metadata_index"} }

func dropUnread(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, `DROP INDEX IF EXISTS `+strings.Join(Unread(), ", ")); err != nil {
		return fmt.Errorf("drop the indexes of River's that nobody reads: %w", err)
	}
	return nil
}

// isCurrent tells whether the ledger needs no migration, and refuses one that
// this alta can't work on.
func isCurrent(ctx context.Context, pool *pgxpool.Pool, want int64) (bool, error) {
	var made bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass('ledger') IS NOT NULL`).Scan(&made); err != nil || !made {
		return false, err
	}
	var have, floor int64
	if err := pool.QueryRow(ctx, `SELECT (SELECT max(version_id) FROM goose_db_version), floor FROM ledger`).Scan(&have, &floor); err != nil {
		return false, fmt.Errorf("read the version of the schema: %w", err)
	}
	if floor > want {
		return false, fmt.Errorf("its schema is version %d, for which an alta must know version %d, and this one knows only %d: it was made by a newer alta; upgrade this one", have, floor, want)
	}
	if have < want {
		return false, nil
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return false, fmt.Errorf("read River's migrations: %w", err)
	}
	result, err := river.Validate(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("look at River's tables: %w", err)
	}
	return result.OK, nil
}

// isOurs refuses a database that holds something else. River's own tables may be
// there.
func isOurs(ctx context.Context, pool *pgxpool.Pool) error {
	var other string
	err := pool.QueryRow(ctx, `SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
		AND to_regclass('ledger') IS NULL AND c.relname IN ('users', 'deliveries', 'links', 'runs', 'attempts', 'machines', 'audit', 'pauses', 'sessions', 'visits', 'askers', 'news') LIMIT 1`).Scan(&other)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the database has a table %q already that is not alta's; alta leaves it alone: give it a database or a schema of its own (?search_path=alta)", other)
}

// newestVersion is the version of the schema that this alta knows.
func newestVersion() (int64, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}
