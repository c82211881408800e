package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// Two processes open a ledger that neither has made yet. The second waits for the
// lock, and what it then finds decides, not what it read before.
func TestTurnToMigrate(t *testing.T) {
	for _, test := range []struct {
		it               string
		migrates, leaves bool // what the process with the lock does
		want             bool // to get the lock
	}{
		{"the other one migrates and keeps the lock, as a daemon does", true, false, false},
		{"the other one migrates and leaves", true, true, false},
		{"the other one leaves without having migrated", false, true, true},
	} {
		t.Run(test.it, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "alta.db")
			other, err := lock(path, (*flock.Flock).TryLock)
			if err != nil {
				t.Fatal(err)
			}
			first, second := openRaw(t, path), openRaw(t, path)
			provider, err := migrationsFor(first)
			if err != nil {
				t.Fatal(err)
			}
			known := provider.ListSources()
			want := known[len(known)-1].Version
			lacks, err := lacksMigrations(t.Context(), second, want)
			if err != nil || !lacks {
				t.Fatalf("a ledger that is not there lacks migrations: %v, %v", lacks, err)
			}
			var got *Lock
			done := make(chan error, 1)
			go func() {
				var err error
				got, err = turnToMigrate(t.Context(), second, path, want)
				done <- err
			}()
			if test.migrates {
				err = upgrade(t.Context(), first, provider)
			}
			if test.leaves {
				err = errors.Join(err, other.Unlock())
			} else {
				defer func() { _ = other.Unlock() }()
			}
			if err != nil {
				t.Fatal(err)
			}
			select {
			case err = <-done:
			case <-time.After(2 * migrationPatience):
				t.Fatal("the second waits for ever")
			}
			if err != nil || (got != nil) != test.want {
				t.Errorf("the second has the lock: %v, want %v (%v)", got != nil, test.want, err)
			}
			if got != nil {
				if err := got.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
