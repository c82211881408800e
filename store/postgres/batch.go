package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// errClosed says that the ledger was closed before the write could start.
var errClosed = errors.New("the ledger is closed")

const (
	// mostTogether bounds the writes that share one transaction, so that none waits
	// long for the others.
	mostTogether = 256
	// gatherFor is how long a write waits for others to share its transaction, where
	// there are others: what a transaction costs the server hardly grows with them.
	gatherFor = 10 * time.Millisecond
	// A mail that begins holds a connection to the mail server meanwhile.
	gatherBegun = time.Millisecond
	// writeWithin bounds a transaction: a server that no longer answers must not
	// keep those who wait for it for good.
	writeWithin = 20 * time.Second
)

// batches are the writes that each mail makes. Those of a kind that arrive while a
// transaction of that kind is under way share the next one: its cost is paid once
// for all of them, and each caller still goes on only when its own write is durable.
type batches struct {
	take   *group[*taking]
	keep   *group[*keeping]
	begin  *group[*beginning]
	record *group[*recording]

	closing chan struct{}
	once    sync.Once
	owners  sync.WaitGroup
}

func startBatches(s *Store) *batches {
	b := &batches{closing: make(chan struct{})}
	b.take = start(b, s, gatherFor, s.takeTogether, s.takeAlone)
	b.keep = start(b, s, gatherFor, s.keepTogether, s.keepAlone)
	b.begin = start(b, s, gatherBegun, s.beginTogether, s.beginAlone)
	b.record = start(b, s, gatherFor, s.recordTogether, s.recordAlone)
	return b
}

// close ends the groups after the transactions under way.
func (b *batches) close() {
	b.once.Do(func() { close(b.closing) })
	b.owners.Wait()
}

// write is what every write of a mail tells: which claim it goes by, and whether it
// was made.
type write struct {
	id, claim int64 // of the delivery
	run       int64 // whose delivery it must be; 0 is anybody's
	done      bool  // set by whoever makes it
}

func (w *write) base() *write { return w }

// writer is a write that a group can make.
type writer interface{ base() *write }

// group makes the writes of one kind. One goroutine owns it.
type group[T writer] struct {
	store    *Store
	wait     time.Duration // for company
	closing  <-chan struct{}
	requests chan request[T]

	// together makes the writes in one transaction. It marks those as done that are
	// as ordinary as nearly all, and leaves the others alone.
	together func(context.Context, []T) error
	// alone makes one that is not, or says why it can't be made.
	alone func(context.Context, T) error
}

type request[T writer] struct {
	item   T
	result chan error
}

func start[T writer](b *batches, s *Store, wait time.Duration, together func(context.Context, []T) error, alone func(context.Context, T) error) *group[T] {
	g := &group[T]{store: s, wait: wait, closing: b.closing, requests: make(chan request[T]), together: together, alone: alone}
	b.owners.Go(g.loop)
	return g
}

// do makes the write and returns once it is durable. A write that has begun ends,
// whatever becomes of ctx.
func (g *group[T]) do(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := request[T]{item: item, result: make(chan error, 1)}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-g.closing:
		return errClosed
	case g.requests <- r:
		return <-r.result
	}
}

func (g *group[T]) loop() {
	for together := 1; ; {
		select {
		case <-g.closing:
			return
		case r := <-g.requests:
			batch := g.gather(r, together > 1)
			together = len(batch)
			g.answer(batch)
		}
	}
}

// gather returns first and whatever else waits already, or comes within a moment
// where there are others.
func (g *group[T]) gather(first request[T], others bool) []request[T] {
	batch := []request[T]{first}
	var over <-chan time.Time
	if others {
		over = time.After(g.wait)
	}
	for len(batch) < mostTogether {
		select {
		case r := <-g.requests:
			batch = append(batch, r)
			continue
		default:
		}
		if over == nil {
			break
		}
		select {
		case r := <-g.requests:
			batch = append(batch, r)
		case <-over:
			over = nil
		case <-g.closing:
			over = nil
		}
	}
	return batch
}

func (g *group[T]) answer(batch []request[T]) {
	// All lock the rows in one order, so that no two wait for each other.
	slices.SortFunc(batch, func(a, b request[T]) int { return cmp.Compare(a.item.base().id, b.item.base().id) })
	items := make([]T, len(batch))
	for i, r := range batch {
		items[i] = r.item
	}
	errs, trouble := g.make(items)
	g.store.trouble.Store(trouble)
	for i, r := range batch {
		r.result <- errs[i]
	}
}

// make makes the writes and returns the error of each, and why the ledger can't be
// written. Where one breaks a rule of the database, the transaction of all is
// undone, and each is made alone.
func (g *group[T]) make(items []T) (errs []error, trouble *pipeline.Fault) {
	errs = make([]error, len(items))
	err := again(func(ctx context.Context) error {
		for _, item := range items {
			item.base().done = false
		}
		return g.together(ctx, items)
	})
	trouble = unwritable(err)
	for i, item := range items {
		switch {
		case err == nil && item.base().done: // with the others
		case trouble != nil: // as those before it met it: it is not waited for again
			errs[i] = trouble
		default:
			errs[i] = again(func(ctx context.Context) error { return g.alone(ctx, item) })
			if trouble = unwritable(errs[i]); trouble != nil {
				errs[i] = trouble
			}
		}
	}
	return errs, trouble
}

// again makes a transaction, and makes it again where others got in its way.
func again(transact func(context.Context) error) (err error) {
	for range mostTries {
		ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
		err = transact(ctx)
		cancel()
		if !mayWorkAgain(err) {
			break
		}
	}
	return err
}

// each returns one column of the items.
func each[T, V any](items []T, value func(T) V) []V {
	column := make([]V, len(items))
	for i, item := range items {
		column[i] = value(item)
	}
	return column
}

// claims returns the columns that every write of a mail has.
func claims[T writer](items []T) (ids, claims, runs []int64) {
	return each(items, func(w T) int64 { return w.base().id }),
		each(items, func(w T) int64 { return w.base().claim }),
		each(items, func(w T) int64 { return w.base().run })
}

// marked marks the items as done whose places, counted from 1, the statement
// returned.
func marked[T writer](rows pgx.Rows, items []T) error {
	places, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, place := range places {
		items[place-1].base().done = true
	}
	return err
}
