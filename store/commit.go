package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mattn/go-sqlite3"

	"alta/internal/crash"
	"alta/pipeline"
)

// errClosed says that the ledger was closed before the write could start.
var errClosed = errors.New("the ledger is closed")

// mostTogether bounds the writes that share one commit, so that none waits
// long for the others.
const mostTogether = 256

// writer owns the one connection that writes. Writes that arrive while a
// commit is under way share the next one: the cost of a durable commit is paid
// once for all of them, and each caller still returns only after its own write
// is on the disk.
type writer struct {
	db       *sql.DB
	requests chan *request
	closing  chan struct{}
	once     sync.Once
	done     sync.WaitGroup
	failing  bool                           // the next batch goes with savepoints at once; the writer's goroutine alone uses it
	trouble  atomic.Pointer[pipeline.Fault] // why the latest commit failed; nil when it did not
}

type request struct {
	apply  func(*sql.Tx) error
	result chan error
}

func startWriter(db *sql.DB) *writer {
	w := &writer{db: db, requests: make(chan *request), closing: make(chan struct{})}
	w.done.Go(w.loop)
	return w
}

// close ends the writer after the commit under way.
func (w *writer) close() {
	w.once.Do(func() { close(w.closing) })
	w.done.Wait()
}

// write runs apply in a transaction and returns once it is durable. When apply
// fails only its own changes are undone. apply may run again after it was
// undone, so it sets what it returns anew each time, and it must not use a
// context: a write that has begun ends.
func (s *Store) write(ctx context.Context, apply func(*sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{apply: apply, result: make(chan error, 1)}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.writer.closing:
		return errClosed
	case s.writer.requests <- r:
		return movedError(<-r.result)
	}
}

// Trouble returns why the latest write could not be made, nil when it could.
func (s *Store) Trouble() error {
	if f := s.writer.trouble.Load(); f != nil {
		return f
	}
	return nil
}

// unwritable returns the outage that err is when it keeps everybody from
// writing: trouble that may be over later, or a damaged file, whose trouble
// never is. It returns nil for any other error.
func unwritable(err error) *pipeline.Fault {
	lite, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return nil
	}
	switch lite.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrBusy, sqlite3.ErrLocked,
		sqlite3.ErrCantOpen, sqlite3.ErrPerm, sqlite3.ErrNomem, sqlite3.ErrProtocol:
		return &pipeline.Fault{
			Kind: pipeline.Outage, Code: pipeline.LedgerCode,
			Reason: "the database can't be written, so no mail is sent; check the disk and its rights, nothing is lost", Err: err,
		}
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return damaged(err)
	}
	return nil
}

// damaged is the fault of a file that SQLite can't make sense of.
func damaged(err error) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Outage, Code: "ledger_damaged",
		Reason: "the database is damaged, so no mail is sent; stop alta, keep the file, and restore a backup", Err: err,
	}
}

func (w *writer) loop() {
	for {
		select {
		case <-w.closing:
			return
		case r := <-w.requests:
			w.commit(w.gather(r))
		}
	}
}

// gather returns first and whatever else waits already.
func (w *writer) gather(first *request) []*request {
	batch := []*request{first}
	for len(batch) < mostTogether {
		select {
		case r := <-w.requests:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

func (w *writer) commit(batch []*request) {
	errs, err := w.transact(batch)
	if err != nil {
		errs = slices.Repeat([]error{err}, len(batch))
	}
	var trouble *pipeline.Fault
	for i, err := range errs {
		if f := unwritable(err); f != nil {
			errs[i], trouble = f, f
		}
	}
	w.trouble.Store(trouble)
	for i, r := range batch {
		r.result <- errs[i]
	}
}

// errUndone says that a write of a batch failed and took the others with it.
var errUndone = errors.New("a write of the batch failed")

// transact applies the batch in one transaction. The slice holds each write's
// own error; the second result is the transaction's, and then nothing of the
// batch was written.
//
// A savepoint around each write would cost as much as the write itself, and
// hardly any write fails. So the batch goes without, and is undone and repeated
// with them when one does. Failures come in rows, so the batch after one that
// had some goes with them at once.
func (w *writer) transact(batch []*request) (errs []error, err error) {
	if !w.failing {
		if errs, err = w.inOne(batch, plainly); !errors.Is(err, errUndone) && !isConstraint(err) {
			return errs, err
		}
	}
	errs, err = w.inOne(batch, attempt)
	if len(batch) > 1 && isConstraint(err) {
		errs, err = w.apart(batch), nil
	}
	w.failing = slices.ContainsFunc(errs, func(e error) bool { return e != nil })
	return errs, err
}

// apart commits each write by itself. Foreign keys are looked at on commit, which
// does not say whose write breaks one.
func (w *writer) apart(batch []*request) (errs []error) {
	for _, r := range batch {
		own, err := w.inOne([]*request{r}, attempt)
		if err == nil {
			err = own[0]
		}
		errs = append(errs, err)
	}
	return errs
}

func isConstraint(err error) bool {
	lite, ok := errors.AsType[sqlite3.Error](err)
	return ok && lite.Code == sqlite3.ErrConstraint
}

// inOne runs the writes in one transaction, each by means of do.
func (w *writer) inOne(batch []*request, do func(*sql.Tx, func(*sql.Tx) error) (applied, err error)) (errs []error, err error) {
	tx, err := w.db.Begin()
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	errs = make([]error, 0, len(batch))
	for _, r := range batch {
		applied, err := do(tx, r.apply)
		if err != nil {
			return nil, err
		}
		errs = append(errs, applied)
	}
	crash.Point("commit: before")
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	crash.Point("commit: after")
	return errs, nil
}

// plainly runs apply, whose error is that of the whole batch.
func plainly(tx *sql.Tx, apply func(*sql.Tx) error) (applied, err error) {
	if apply(tx) != nil {
		return nil, errUndone
	}
	return nil, nil
}

// attempt runs apply inside a savepoint. Its first result is apply's error,
// the second one the database's, after which the transaction can't go on.
func attempt(tx *sql.Tx, apply func(*sql.Tx) error) (applied, err error) {
	if _, err := tx.Exec(`SAVEPOINT one_write`); err != nil {
		return nil, err
	}
	if applied = apply(tx); applied != nil {
		if _, err := tx.Exec(`ROLLBACK TO one_write`); err != nil {
			return nil, errors.Join(applied, err)
		}
	}
	_, err = tx.Exec(`RELEASE one_write`)
	return applied, err
}
