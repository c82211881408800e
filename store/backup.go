package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backup writes a consistent copy of the ledger to a new file with mode 0600,
// while runs go on. It never overwrites a file.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
	// VACUUM INTO accepts an empty file and reads from one snapshot.
	if _, err := s.reads.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return syncFile(path)
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

// Check runs SQLite's own quick check over the whole file.
func (s *Store) Check(ctx context.Context) error {
	var result string
	if err := s.reads.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&result); err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	if result != "ok" {
		return fmt.Errorf("check the ledger: %s; restore a backup", result)
	}
	return nil
}
