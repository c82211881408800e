package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// ErrMoved says that the ledger was moved to another one, which alone sends and
// takes in from then on.
var ErrMoved = errors.New("this ledger was moved")

// errWritten says that the ledger is not what the move began to carry over.
var errWritten = errors.New("the ledger was written to while it was being carried over; stop what writes to it, an import for example, and run 'alta move' again: it begins anew")

// Carried names what a move carries over: a ledger, and what it held when the move
// began. Both names are random, so that a copy of the file that lives on is not
// taken for what it was copied from.
type Carried struct{ Ledger, Turn string }

// String is how the other ledger keeps it.
func (c Carried) String() string { return c.Ledger + "/" + c.Turn }

// Move is what a ledger knows of its own move.
type Move struct {
	Carried           // zero for a ledger that was never moved
	Intact  bool      // nothing was written since the move began
	Target  string    // where it went; it holds no password
	At      time.Time // when it had moved; zero until then
}

// Err returns the error that wraps [ErrMoved] when the ledger has moved.
func (m Move) Err() error {
	if m.At.IsZero() {
		return nil
	}
	return fmt.Errorf("%w to %s on %s; set database.url there (or, if that was a mistake, see docs/scale.md)",
		ErrMoved, m.Target, m.At.UTC().Format("2006-01-02 15:04 MST"))
}

// Move tells whether the ledger has moved, or began to.
func (s *Store) Move(ctx context.Context) (Move, error) {
	m, err := readMove(boundTo(ctx, s.reads))
	if err != nil {
		return Move{}, fmt.Errorf("look whether the ledger was moved: %w", err)
	}
	return m, nil
}

// BeginMove names what is in the ledger now. From then on triggers take note of
// the first thing that is written, whoever writes it, so that a move which was
// cut off never goes on with rows that are not the same any more. Only the holder
// of the [Lock] may call it, after [Store.Recover].
func (s *Store) BeginMove(ctx context.Context) (c Carried, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		m, err := readMove(tx)
		if err == nil {
			err = m.Err()
		}
		if err != nil {
			return err
		}
		if busy, err := column[int64](tx, `SELECT id FROM deliveries WHERE run_id IS NOT NULL LIMIT 1`); err != nil || len(busy) > 0 {
			return errors.Join(err, errors.New("a mail is on its way"))
		}
		if c = (Carried{m.Ledger, rand.Text()}); c.Ledger == "" {
			c.Ledger = rand.Text()
		}
		// What comes there without its entry in the chain would get one unseen.
		if err := chainAudit(tx); err != nil {
			return err
		}
		if err := beside(tx, `AFTER`, `UPDATE moved SET intact = 0 WHERE intact = 1`); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT OR REPLACE INTO moved (one, ledger, turn, intact) VALUES (1, ?, ?, 1)`, c.Ledger, c.Turn)
		return err
	})
	if err != nil {
		return Carried{}, fmt.Errorf("begin to move the ledger: %w", err)
	}
	return c, nil
}

// StillHolds returns an error when the ledger holds anything else than what the
// move carries over.
func (s *Store) StillHolds(ctx context.Context, c Carried) error {
	m, err := s.Move(ctx)
	if err == nil && (m.Carried != c || !m.Intact) {
		return errWritten
	}
	return err
}

// MarkMoved writes down that all that the ledger holds is at target now, which
// must not hold a password, and audits it. From then on no run begins and nothing
// can be written, by whatever means: triggers refuse it for as long as the mark is
// there. What the ledger holds can be read and backed up as before.
func (s *Store) MarkMoved(ctx context.Context, c Carried, target string, by Act, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		m, err := readMove(tx)
		switch {
		case err != nil:
			return err
		case m.Err() != nil:
			return m.Err()
		case m.Carried != c || !m.Intact:
			return errWritten
		}
		if err := addAudit(tx, by, "move", "", "to "+target, now); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE moved SET target = ?, at = ?`, target, ms(now)); err != nil {
			return err
		}
		if m, err = readMove(tx); err != nil {
			return err
		}
		refusal := strings.ReplaceAll(m.Err().Error(), "'", "''")
		return beside(tx, `BEFORE`, `SELECT RAISE(ABORT, '`+refusal+`') FROM moved WHERE at IS NOT NULL`)
	})
	if err != nil {
		return fmt.Errorf("mark the ledger as moved: %w", err)
	}
	return nil
}

func readMove(q querier) (Move, error) {
	found, err := rows(q, func(scan func(...any) error) (m Move, err error) {
		var when sql.NullInt64
		err = scan(&m.Ledger, &m.Turn, &m.Intact, &m.Target, &when)
		m.At = at(when)
		return m, err
	}, `SELECT ledger, turn, intact, target, at FROM moved`)
	if err != nil || len(found) == 0 {
		return Move{}, err
	}
	return found[0], nil
}

// here returns the error that wraps ErrMoved when the ledger has moved.
func here(tx *sql.Tx) error {
	m, err := readMove(tx)
	if err != nil {
		return err
	}
	return m.Err()
}

// beside puts a trigger beside every table that is carried over, for each way to
// change it, in the place of the one that stood there.
func beside(tx *sql.Tx, when, do string) error {
	for _, t := range Tables() {
		for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
			name := `moved_` + t.Name + `_` + strings.ToLower(change)
			if _, err := tx.Exec(`DROP TRIGGER IF EXISTS ` + name); err != nil {
				return err
			}
			if _, err := tx.Exec(`CREATE TRIGGER ` + name + ` ` + when + ` ` + change + ` ON ` + t.Name + ` BEGIN ` + do + `; END`); err != nil {
				return err
			}
		}
	}
	return nil
}

// movedError makes the refusal of such a trigger wrap ErrMoved.
func movedError(err error) error {
	lite, ok := errors.AsType[sqlite3.Error](err)
	if !ok || lite.ExtendedCode != sqlite3.ErrConstraintTrigger || !strings.HasPrefix(lite.Error(), ErrMoved.Error()) {
		return err
	}
	return refusedAsMoved{err}
}

// refusedAsMoved reads as the error that it is of.
type refusedAsMoved struct{ error }

// Unwrap makes it both that error and ErrMoved.
func (e refusedAsMoved) Unwrap() []error { return []error{e.error, ErrMoved} }
