package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"alta/store"
)

// ErrMoving says that the ledger does not hold yet all that is to come.
var ErrMoving = errors.New("a move into this ledger has not come to its end; run 'alta move' again")

// errCutIn says that the rows do not follow on what is here.
var errCutIn = errors.New("another 'alta move' has brought rows meanwhile; run this one again once that one has ended")

// moving is the advisory lock of the one move that carries rows into the ledger.
const moving = migrationLock + 3

// Move is a ledger on SQLite that is being carried over into this one. While it
// is, nobody can open this one for anything else.
type Move struct {
	Ended bool // all is here since an earlier time, and the ledger has lived on

	store   *Store
	from    store.Carried
	conn    *pgxpool.Conn // has the advisory lock
	carried map[string]Carried
}

// Carried is how far the move has come with one table.
type Carried struct {
	Table    string
	After    int64 // where the next page begins
	Rows     int64
	Checksum []byte // nil until both ledgers were compared
}

// checkMoving returns [ErrMoving] while a move into the ledger lasts.
func checkMoving(ctx context.Context, pool *pgxpool.Pool) error {
	var source string
	if err := pool.QueryRow(ctx, `SELECT moving FROM ledger`).Scan(&source); err != nil {
		return fmt.Errorf("look whether a move has come to its end: %w", err)
	}
	if source != "" {
		return ErrMoving
	}
	return nil
}

// Took tells whether all of what is named has come here, or a part of it.
func (s *Store) Took(ctx context.Context, from store.Carried) (took bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM move WHERE source = $1)`, from.String()).Scan(&took)
	if err != nil {
		return false, fmt.Errorf("look where the rows come from: %w", err)
	}
	return took, nil
}

// MayMove returns an error unless the ledger may be moved here: this one is empty,
// or holds a part of it. from has no turn where that is not known yet.
func (s *Store) MayMove(ctx context.Context, from store.Carried) error {
	return s.look(ctx, func(tx pgx.Tx) error {
		_, err := whereItStands(ctx, tx, from)
		return err
	})
}

// BeginMove begins a move, or goes on with it where it was cut off. What came from
// the same ledger at an earlier turn is taken out again first, since it has
// changed. Call Close at the end.
func (s *Store) BeginMove(ctx context.Context, from store.Carried) (m *Move, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin the move: %w", err)
	}
	m = &Move{store: s, from: from, conn: conn}
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, moving).Scan(&mine); err != nil || !mine {
		conn.Release()
		if err == nil {
			err = errors.New("another 'alta move' carries rows into this ledger at this moment; wait for it")
		}
		return nil, fmt.Errorf("begin the move: %w", err)
	}
	if err := s.write(ctx, m.begin); err != nil {
		return nil, errors.Join(fmt.Errorf("begin the move: %w", err), m.Close())
	}
	return m, nil
}

// Close lets others move something into the ledger.
func (m *Move) Close() error {
	defer m.conn.Release()
	if _, err := m.conn.Exec(context.Background(), `SELECT pg_advisory_unlock($1)`, moving); err != nil {
		return fmt.Errorf("give up the lock of the move: %w", err)
	}
	return nil
}

// Carried is how far the move has come with the table.
func (m *Move) Carried(t store.Table) Carried { return m.carried[t.Name] }

// Take writes a page down, together with how far the move has come by it.
func (m *Move) Take(ctx context.Context, t store.Table, p store.Page) error {
	before := m.carried[t.Name]
	err := m.store.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := one(tx.Exec(ctx, `UPDATE move SET after = $1, rows = rows + $2 WHERE source = $3 AND table_name = $4 AND after = $5
			AND EXISTS (SELECT 1 FROM ledger WHERE moving = $3)`, p.After, len(p.Rows), m.from.String(), t.Name, before.After))
		if errors.Is(err, errNotOurs) {
			return errCutIn
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SET LOCAL alta.moving = 'on'`); err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{t.Name}, t.Names(), pgx.CopyFromSlice(len(p.Rows), func(i int) ([]any, error) { return p.Rows[i], nil }))
		return err
	})
	if err != nil {
		return fmt.Errorf("carry rows of %s over: %w", t.Name, err)
	}
	before.After, before.Rows = p.After, before.Rows+int64(len(p.Rows))
	m.carried[t.Name] = before
	return nil
}

// Sum reads the table back and sums it up.
func (m *Move) Sum(ctx context.Context, t store.Table) (store.Sum, error) {
	return t.Sum(func(after int64, n int) (store.Page, error) { return m.store.export(ctx, t, after, n) })
}

// Compared notes what both ledgers hold.
func (m *Move) Compared(ctx context.Context, t store.Table, sum store.Sum) error {
	c := m.carried[t.Name]
	c.Rows, c.Checksum = sum.Rows, sum.Digest[:]
	err := m.store.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return one(tx.Exec(ctx, `UPDATE move SET rows = $1, checksum = $2 WHERE source = $3 AND table_name = $4`, c.Rows, c.Checksum, m.from.String(), t.Name))
	})
	if err != nil {
		return fmt.Errorf("note what %s holds: %w", t.Name, err)
	}
	m.carried[t.Name] = c
	return nil
}

// Settle makes the ledger fit for use, once all rows are here: new rows are
// numbered behind those that came, and what is counted is held against them.
func (m *Move) Settle(ctx context.Context) error {
	err := m.store.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		for _, t := range store.Tables() {
			if t.Key == "" {
				continue
			}
			_, err := tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, $2), greatest(max(`+t.Key+`), 1), count(*) > 0) FROM `+t.Name, t.Name, t.Key)
			if err != nil {
				return fmt.Errorf("number %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err == nil {
		err = m.store.FoldCounts(ctx)
	}
	if err == nil {
		// Without it the first statements would be planned for tables of a few rows.
		_, err = m.store.pool.Exec(ctx, `ANALYZE `+strings.Join(tableNames(), ", "))
	}
	if err != nil {
		return fmt.Errorf("settle what came: %w", err)
	}
	return m.store.Check(ctx)
}

// Finish opens the ledger to everybody, and audits where it came from. Call it once
// the other one is marked as moved, and not before: else both could send.
func (m *Move) Finish(ctx context.Context, place string, by store.Act, now time.Time) error {
	if m.Ended {
		return nil
	}
	err := m.store.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := one(tx.Exec(ctx, `UPDATE ledger SET moving = '' WHERE moving = $1`, m.from.String())); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "move", "", "from "+place, now)
	})
	if err != nil {
		return fmt.Errorf("end the move: %w", err)
	}
	m.Ended = true
	return nil
}

// begin finds out where the move is, and makes room for it where it begins.
func (m *Move) begin(ctx context.Context, tx pgx.Tx) error {
	// Of two that begin at once, the second one sees the first.
	if _, err := tx.Exec(ctx, `SELECT FROM ledger FOR UPDATE`); err != nil {
		return err
	}
	at, err := whereItStands(ctx, tx, m.from)
	if err != nil {
		return err
	}
	m.Ended = at == atItsEnd
	switch at {
	case toBegin, toBeginAnew:
		err = m.makeRoom(ctx, tx, at)
	case toGoOn:
		// An alta that knew fewer tables may have begun it.
		err = m.addTables(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	return m.readCarried(ctx, tx)
}

func (m *Move) makeRoom(ctx context.Context, tx pgx.Tx, at position) error {
	empty := []string{`DELETE FROM data_key`} // nothing is sealed with it
	if at == toBeginAnew {
		empty = []string{`TRUNCATE ` + strings.Join(tableNames(), ", ") + `, attention, logins, requests, ` + strings.Join(countTables(), ", "), `DELETE FROM move`}
	}
	for _, statement := range empty {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE ledger SET moving = $1`, m.from.String()); err != nil {
		return err
	}
	return m.addTables(ctx, tx)
}

func (m *Move) addTables(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `INSERT INTO move (source, table_name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, m.from.String(), tableNames())
	return err
}

// countTables are the names of the tables of what is counted.
func countTables() (names []string) {
	for _, c := range counted() {
		names = append(names, c.table)
	}
	return names
}

func (m *Move) readCarried(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT table_name, after, rows, checksum FROM move WHERE source = $1`, m.from.String())
	all, err := collect(rows, err, func(rows pgx.Rows) (c Carried, err error) {
		err = rows.Scan(&c.Table, &c.After, &c.Rows, &c.Checksum)
		return c, err
	})
	m.carried = map[string]Carried{}
	for _, c := range all {
		m.carried[c.Table] = c
	}
	return err
}
