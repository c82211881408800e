package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Backup writes a consistent copy of the ledger to a new file with mode 0600,
// while runs go on. It never overwrites a file.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	f, err := createPrivate(path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("back up to %s: the file exists; name a new one", path)
	}
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := s.vacuumInto(ctx, path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return syncFile(path)
}

// vacuumInto copies one snapshot into an empty file, on a connection of its
// own: the readers may write nothing, and the writer has other things to do.
func (s *Store) vacuumInto(ctx context.Context, path string) error {
	path, err := filepath.Abs(path) // never taken for a URI
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", dsn(s.path, ""))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, path)
	return errors.Join(err, db.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return f.Close()
}

// Check runs SQLite's own quick check over the whole file, and holds what is counted
// against the rows.
func (s *Store) Check(ctx context.Context) error {
	if err := s.check(ctx, `PRAGMA quick_check(1)`); err != nil {
		return err
	}
	return s.checkCounts(ctx)
}

// check runs one of SQLite's checks, and returns the fault of a damaged file.
func (s *Store) check(ctx context.Context, pragma string) error {
	var result string
	err := s.reads.QueryRowContext(ctx, pragma).Scan(&result)
	if f := unwritable(err); f != nil {
		err = f
	} else if err == nil && result != "ok" {
		err = damaged(errors.New(strings.ReplaceAll(result, "\n", " ")))
	}
	if err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	return nil
}
