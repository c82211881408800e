package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as alta's ledger: "alta" in ASCII.
const applicationID = 0x616c7461

// migrate refuses a file that is not a ledger of this or an older alta, then
// applies the migrations that it lacks, each in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB) error {
	if err := identify(ctx, db); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if have > want {
		return fmt.Errorf("its schema is version %d and this alta knows only %d: it was made by a newer alta; upgrade this one", have, want)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func identify(ctx context.Context, db *sql.DB) error {
	var id, tables int
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	if id != 0 || tables > 0 {
		return errors.New("it is a SQLite database of something else; alta leaves it alone: set database.url to a file of its own")
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
	return err
}

// explainOpen says in plain words why SQLite could not open the file.
func explainOpen(err error) error {
	lite, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return err
	}
	switch lite.Code {
	case sqlite3.ErrNotADB:
		return fmt.Errorf("the file is not a SQLite database, and alta leaves it as it is: %w", err)
	case sqlite3.ErrCorrupt:
		return fmt.Errorf("the file is damaged, and alta leaves it as it is; restore a backup: %w", err)
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen:
		return fmt.Errorf("the file and its folder must be writable for the user that alta runs as: %w", err)
	case sqlite3.ErrFull:
		return fmt.Errorf("the disk is full: %w", err)
	}
	return err
}
