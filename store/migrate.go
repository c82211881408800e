package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as alta's ledger: "alta" in ASCII.
const applicationID = 0x616c7461

// migrate refuses a file that is not a ledger of this or an older alta, then
// applies the migrations that it lacks, each in a transaction of its own. It
// holds the [Lock] meanwhile, so that no two processes migrate at once and none
// does while an older alta runs the pipeline.
func migrate(ctx context.Context, path string) error {
	// What a migration removes is overwritten, and leaves the log with the others.
	db, err := sql.Open("sqlite3", dsn(path, "_secure_delete=on"))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	provider, err := migrationsFor(db)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	known := provider.ListSources()
	want := known[len(known)-1].Version
	if lacks, err := lacksMigrations(ctx, db, want); err != nil || !lacks {
		return err
	}
	lock, err := turnToMigrate(ctx, db, path, want)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if lock == nil {
		return nil
	}
	if err = errors.Join(upgrade(ctx, db, provider), lock.Unlock()); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func migrationsFor(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
}

// lacksMigrations tells whether the schema is older than this alta's. One that is
// newer is an error.
func lacksMigrations(ctx context.Context, db *sql.DB, want int64) (bool, error) {
	have, err := version(ctx, db)
	if err == nil && have > want {
		err = fmt.Errorf("its schema is version %d and this alta knows only %d: it was made by a newer alta; upgrade this one", have, want)
	}
	return have < want, err
}

// turnToMigrate waits for the right to migrate. Without an error it returns no lock
// where another process has migrated meanwhile: a daemon does so when it starts, and
// then keeps the lock for as long as it serves.
func turnToMigrate(ctx context.Context, db *sql.DB, path string, want int64) (*Lock, error) {
	for end := time.Now().Add(migrationPatience); ; {
		lock, err := waitForLock(ctx, path, migrationGlance)
		lacks, readErr := lacksMigrations(ctx, db, want)
		switch {
		case err == nil && readErr == nil && lacks:
			return lock, nil
		case err == nil:
			return nil, errors.Join(readErr, lock.Unlock())
		case readErr == nil && !lacks:
			return nil, nil
		case !errors.Is(err, ErrLocked) || time.Now().After(end): // what could not be read is being made
			return nil, err
		}
	}
}

// upgrade applies the migrations that the ledger lacks, for a caller who has the lock.
func upgrade(ctx context.Context, db *sql.DB, provider *goose.Provider) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`PRAGMA journal_mode = WAL; PRAGMA application_id = %d`, applicationID))
	if err == nil {
		_, err = provider.Up(ctx)
	}
	if err == nil {
		err = chainOld(ctx, db)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return err
}

// chainOld chains the lines of the audit log that an alta wrote which knew no chain.
// A later write does it, too, where the process ends before.
func chainOld(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("chain the audit log: %w", err)
	}
	if err := chainAudit(tx); err != nil {
		return errors.Join(fmt.Errorf("chain the audit log: %w", err), tx.Rollback())
	}
	return tx.Commit()
}

// current refuses a ledger whose schema a newer alta has changed since it was
// opened: its mails would go out and then not be recorded.
func current(tx *sql.Tx) error {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	known, err := goose.NumericComponent(entries[len(entries)-1].Name())
	if err != nil {
		return err
	}
	var have int64
	if err := tx.QueryRow(`SELECT max(version_id) FROM ` + goose.DefaultTablename).Scan(&have); err != nil {
		return err
	}
	if have != known {
		return fmt.Errorf("the schema is version %d now and this alta knows only %d: a newer alta has changed it meanwhile; start that one", have, known)
	}
	return nil
}

// version is the schema's version: 0 for a file that is empty, an error for one
// that is not a ledger. It only reads.
func version(ctx context.Context, db *sql.DB) (v int64, err error) {
	// One transaction: another process may make the ledger this very moment.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	var id, tables, versioned int
	if err := tx.QueryRow(`PRAGMA application_id`).Scan(&id); err != nil {
		return 0, err
	}
	err = tx.QueryRow(`SELECT count(*), count(*) FILTER (WHERE name = '`+goose.DefaultTablename+`') FROM sqlite_schema`).
		Scan(&tables, &versioned)
	switch {
	case err != nil:
		return 0, err
	case id != applicationID && (id != 0 || tables > 0):
		return 0, errors.New("it is a SQLite database of something else; alta leaves it alone: set database.url to a file of its own")
	case versioned == 0:
		return 0, nil
	}
	err = tx.QueryRow(`SELECT coalesce(max(version_id), 0) FROM ` + goose.DefaultTablename).Scan(&v)
	return v, err
}

// explainOpen says in plain words why SQLite could not open the file. Which
// statement of which migration met it helps nobody.
func explainOpen(err error) error {
	lite, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return err
	}
	full := lite.Code == sqlite3.ErrFull || lite.SystemErrno == syscall.ENOSPC
	switch {
	case full:
		return fmt.Errorf("the disk is full; nothing is lost, and alta goes on once there is room: %w", lite)
	case lite.Code == sqlite3.ErrNotADB:
		return fmt.Errorf("the file is not a SQLite database, and alta leaves it as it is: %w", lite)
	case lite.Code == sqlite3.ErrCorrupt:
		return fmt.Errorf("the file is damaged, and alta leaves it as it is; restore a backup: %w", lite)
	case lite.Code == sqlite3.ErrReadonly, lite.Code == sqlite3.ErrPerm, lite.Code == sqlite3.ErrCantOpen:
		return fmt.Errorf("the file and its folder must be writable for the user that alta runs as: %w", lite)
	case lite.Code == sqlite3.ErrIoErr:
		return fmt.Errorf("the disk reports an error; nothing is lost, check the disk: %w", lite)
	case lite.Code == sqlite3.ErrBusy, lite.Code == sqlite3.ErrLocked:
		return fmt.Errorf("another program keeps the file locked; nothing is lost, try again: %w", lite)
	}
	return err
}
