package roster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/mattn/go-sqlite3"
)

// maxValue bounds what SQLite itself handles as one string or blob, in octets.
// A value of the answer is refused above maxRow already.
const maxValue = 1 << 20

// maxSourceRows bounds the answer of one query: a join that somebody got wrong,
// or a view that never ends, would fill the disk instead.
const maxSourceRows = 10_000_000

// ReadSQLite reads the answer of one SELECT on an existing SQLite database as
// [Read] does a file: the columns of the answer are named as in CSV, values
// are text or integers, NULL is empty, and lines are rows counted from 1.
//
// The database is neither changed nor created, and it may be in use by other
// processes. It must not be open elsewhere in this one. ctx bounds the time that
// the query may take; more than ten million rows are an error.
func ReadSQLite(ctx context.Context, path, query string, each func(Row) error, bad func(Problem)) error {
	return querySQLite(ctx, path, query, maxSourceRows, newSink(each, bad))
}

func querySQLite(ctx context.Context, path, query string, mostRows int, s sink) error {
	query, err := oneStatement(query)
	if err != nil {
		return err
	}
	snap, err := findSnapshot(path)
	if err != nil {
		return fmt.Errorf("open source database: %w", err)
	}
	db, err := sql.Open("sqlite3", snap.dsn())
	if err != nil {
		return fmt.Errorf("open source database: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open source database: %w", sqliteReason(err))
	}
	defer conn.Close()
	if err := conn.Raw(confine); err != nil {
		return fmt.Errorf("open source database: %w", err)
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("query source database: %w", sqliteReason(err))
	}
	defer rows.Close()
	return readRows(rows, snap, mostRows, s)
}

// confine allows a connection to read tables and call functions, and nothing
// else: no writes, no pragma, no ATTACH or VACUUM INTO, which would create
// files even on a read-only connection. Whoever can write the file chooses its
// schema and its bytes, so neither is trusted: see
// https://www.sqlite.org/security.html, "Untrusted SQLite Database Files".
func confine(driverConn any) error {
	c, ok := driverConn.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("unexpected SQLite driver %T", driverConn)
	}
	if _, err := c.Exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", nil); err != nil {
		return sqliteReason(err)
	}
	c.SetLimit(sqlite3.SQLITE_LIMIT_LENGTH, maxValue)
	c.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	const recursive = 33 // SQLITE_RECURSIVE, which the driver does not name
	c.RegisterAuthorizer(func(action int, _, _, _ string) int {
		switch action {
		case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, recursive:
			return sqlite3.SQLITE_OK
		}
		return sqlite3.SQLITE_DENY
	})
	return nil
}

func readRows(rows *sql.Rows, snap snapshot, mostRows int, s sink) error {
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("query source database: %w", err)
	}
	h, err := newHeader(names)
	if err != nil {
		return fmt.Errorf("query source database: %w", err)
	}
	values := make([]any, len(h))
	targets := make([]any, len(h))
	for i := range values {
		targets[i] = &values[i]
	}
	cells := make([]string, len(h))
	for number := 1; rows.Next(); number++ {
		if number > mostRows {
			return fmt.Errorf("read source database: the query returns more than %d rows: expected the pending users, each once", mostRows)
		}
		if err := rows.Scan(targets...); err != nil {
			return fmt.Errorf("read row %d of the source database: %w", number, err)
		}
		if err := snap.check(); err != nil {
			return fmt.Errorf("read row %d of the source database: %w", number, err)
		}
		good := true
		for i, value := range values {
			if cells[i], err = cellText(value); err != nil {
				s.refuse(number, h[i], err.Error())
				good = false
			}
		}
		if !good {
			continue
		}
		if err := s.row(number, h.fields(cells), ""); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read source database: %w", sqliteReason(err))
	}
	if err := snap.check(); err != nil {
		return fmt.Errorf("read source database: %w", err)
	}
	return nil
}

// cellText returns a value as text. Errors are reasons.
func cellText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		if len(v) > maxRow {
			return "", errors.New(reasonTooLong)
		}
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case []byte:
		return "", errors.New("is a blob: expected text or an integer")
	case float64:
		return "", errors.New("is a floating-point number: expected text or an integer")
	}
	return "", errors.New("comes from a column declared as date, time or boolean: expected text or an integer, so use CAST(… AS TEXT)")
}

// sqliteReason adds advice to the errors that an operator can mend.
func sqliteReason(err error) error {
	e, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case sqlite3.ErrAuth:
		return fmt.Errorf("the query may only read, so it must be one SELECT: %w", err)
	case sqlite3.ErrTooBig:
		return fmt.Errorf("a value is longer than 1 MiB: %w", err)
	case sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", errNotSQLite, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("another process keeps the database locked: %w", err)
	case sqlite3.ErrCantOpen:
		return fmt.Errorf("the file and its -wal and -shm files must be readable: %w", err)
	}
	return err
}
