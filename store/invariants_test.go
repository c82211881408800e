package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"alta/store"
	"alta/store/storetest"
)

func TestInvariants(t *testing.T) {
	storetest.Invariants(t, func(rt *rapid.T) storetest.InvariantLedger {
		s, err := store.Open(t.Context(), filepath.Join(volatile(rt), "alta.db"))
		if err != nil {
			rt.Fatal(err)
		}
		db, err := sql.Open("sqlite3", "file:"+s.Path()+"?mode=ro")
		if err != nil {
			rt.Fatal(err)
		}
		rt.Cleanup(func() {
			if err := db.Close(); err != nil {
				rt.Fatal(err)
			}
			if err := s.Close(); err != nil {
				rt.Fatal(err)
			}
		})
		return openLedger{ledger{s}, db}
	})
}

// volatile returns a folder that is gone after the life, in memory where the
// system has such a place: nothing here survives a power cut, so that no commit
// has to wait for the disk.
func volatile(rt *rapid.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "alta-test-")
	if err != nil {
		dir, err = os.MkdirTemp("", "alta-test-")
	}
	if err != nil {
		rt.Fatal(err)
	}
	rt.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			rt.Fatal(err)
		}
	})
	return dir
}

// openLedger is a ledger with a connection of its own to the file.
type openLedger struct {
	ledger
	db *sql.DB
}

func (l openLedger) Column(ctx context.Context, query string, args ...any) (all []string, err error) {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
