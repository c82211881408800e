package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// position is where a move stands.
type position int

const (
	toBegin     position = iota // the ledger is empty
	toGoOn                      // a part of what comes is here
	toBeginAnew                 // what is here of the ledger that comes has changed there since
	atItsEnd                    // all is here, since an earlier time
)

// whereItStands tells where the move stands, and refuses a ledger that holds something
// else.
func whereItStands(ctx context.Context, tx pgx.Tx, from store.Carried) (position, error) {
	var source string
	var here bool
	err := tx.QueryRow(ctx, `SELECT moving, EXISTS (SELECT 1 FROM move WHERE source = $1) FROM ledger`, from.String()).Scan(&source, &here)
	ledger, _, _ := strings.Cut(source, "/")
	switch {
	case err != nil:
		return 0, fmt.Errorf("look where the move stands: %w", err)
	case source == from.String():
		return toGoOn, nil
	case source != "" && ledger == from.Ledger:
		return toBeginAnew, nil
	case source != "":
		return 0, errors.New("another ledger has begun to move here; run 'alta move' for that one again, or move this one into a new database")
	case here:
		return atItsEnd, nil
	}
	var filled []string
	for _, name := range tableNames() {
		if name == "data_key" {
			continue // it is given its key before anything else, by a start without users for example
		}
		rows, err := column[int](ctx, tx, `SELECT 1 FROM `+name+` LIMIT 1`)
		if err != nil {
			return 0, fmt.Errorf("look whether the ledger is empty: %w", err)
		}
		if len(rows) > 0 {
			filled = append(filled, name)
		}
	}
	if len(filled) > 0 {
		return 0, fmt.Errorf("the ledger is not empty: it holds %s; a ledger moves into a new database", strings.Join(filled, ", "))
	}
	return toBegin, nil
}

// tableNames are the names of the tables that are carried over.
func tableNames() (names []string) {
	for _, t := range store.Tables() {
		names = append(names, t.Name)
	}
	return names
}

// export returns up to n rows of the table behind after, as [store.Store.Export]
// does.
func (s *Store) export(ctx context.Context, t store.Table, after int64, n int) (store.Page, error) {
	query := `SELECT ` + strings.Join(t.Names(), ", ") + ` FROM ` + t.Name
	if t.Key == "" {
		query += ` ORDER BY ` + t.Order + ` LIMIT $2 OFFSET $1` // words whose order is the same everywhere
	} else {
		query += ` WHERE ` + t.Key + ` > $1 ORDER BY ` + t.Key + ` LIMIT $2`
	}
	rows, err := s.pool.Query(ctx, query, after, n)
	all, err := collect(rows, err, func(rows pgx.Rows) (store.Row, error) {
		values, err := rows.Values()
		for i, v := range values {
			if v, ok := v.(int32); ok {
				values[i] = int64(v)
			}
		}
		return values, err
	})
	if err != nil {
		return store.Page{}, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return t.Page(all, after), nil
}
