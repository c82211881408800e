package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"alta/store"
	"alta/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Ledger {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "alta.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Check(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return ledger{s}
	})
}

// ledger makes a Store fit the suite, which speaks of interfaces.
type ledger struct{ *store.Store }

func (l ledger) Queue(run int64, only store.Only) storetest.Queue { return l.Store.Queue(run, only) }

func (l ledger) StartSync(ctx context.Context, plan store.Planner) (storetest.Sync, error) {
	return l.Store.StartSync(ctx, plan)
}

// Dump reads the file on a connection of its own, so that no table is missed
// because the package forgot it.
func (l ledger) Dump(ctx context.Context) (string, error) {
	db, err := sql.Open("sqlite3", "file:"+l.Path()+"?mode=ro")
	if err != nil {
		return "", err
	}
	defer db.Close()
	tables, err := cells(ctx, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil {
		return "", err
	}
	var dump strings.Builder
	for _, table := range tables {
		values, err := cells(ctx, db, `SELECT * FROM `+table)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&dump, table, values)
	}
	return dump.String(), nil
}

// cells returns every column of every row as text.
func cells(ctx context.Context, db *sql.DB, query string) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		for _, c := range row {
			all = append(all, c.String)
		}
	}
	return all, rows.Err()
}
