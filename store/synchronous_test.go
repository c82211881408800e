package store

import (
	"database/sql"
	"testing"
)

// With WAL and synchronous=FULL, SQLite syncs the log at each commit, so that
// what was committed survives a power cut too (https://www.sqlite.org/pragma.html).
// The driver sets it for each connection, and the writer's is the one that counts.
func TestCommitsAreSynchronous(t *testing.T) {
	path := newPath(t)
	for _, which := range []string{"a new ledger", "one that is opened again"} {
		s := openAt(t, path)
		var level int
		var mode string
		err := s.write(t.Context(), func(tx *sql.Tx) error {
			if err := tx.QueryRow(`PRAGMA synchronous`).Scan(&level); err != nil {
				return err
			}
			return tx.QueryRow(`PRAGMA journal_mode`).Scan(&mode)
		})
		if err != nil {
			t.Fatal(err)
		}
		if full := 2; level != full || mode != "wal" {
			t.Errorf("%s: synchronous is %d in mode %s, want %d (FULL) in wal", which, level, mode, full)
		}
	}
}
