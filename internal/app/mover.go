package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"alta/internal/crash"
	"alta/store"
	"alta/store/postgres"
)

// rowsAtOnce is how many rows a transaction carries over, if no test wants fewer.
const rowsAtOnce = 5000

// mover carries a ledger over from its file to PostgreSQL. There is no moment at
// which both may send, whenever the process ends:
//
//	the file         PostgreSQL
//	may send         refuses, from the first page on
//	is marked        refuses
//	is marked        may send
//
// Whoever holds the file's lock runs it again then, and it goes on where it was.
type mover struct {
	*app
	file   fileLedger
	target *postgres.Store
	page   int                     // rows that a transaction carries over
	step   func(name string) error // called after each step; an error ends the move there

	carried []postgres.Carried // what both ledgers hold, once it has ended
}

// passed lets a test end the process after a step.
func passed(step string) error {
	crash.Point("move: " + step)
	return nil
}

// run moves the ledger, or brings a move that was cut off to its end.
func (m *mover) run(ctx context.Context) (err error) {
	release, err := m.holdTarget(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := m.file.Move(ctx)
	if err != nil {
		return err
	}
	from, err := m.begin(ctx, state)
	if err != nil {
		return err
	}
	into, err := m.target.BeginMove(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	if err := m.step("begin"); err != nil {
		return err
	}
	if state.At.IsZero() && !into.Ended {
		if err := m.carry(ctx, from, into); err != nil {
			return err
		}
	}
	for _, t := range store.Tables() {
		m.carried = append(m.carried, into.Carried(t))
	}
	return m.handOver(ctx, from, into)
}

// holdTarget keeps the fleet away from the target, which it may have been open to
// before.
func (m *mover) holdTarget(ctx context.Context) (release func() error, err error) {
	clock, err := m.target.NewClock(ctx, m.now)
	if err != nil {
		return nil, err
	}
	release, err = m.target.HoldAlone(ctx, clock.Now())
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("%s: %w; stop them first: a ledger moves into an empty one that nobody uses", m.target.Address(), err)
	}
	return release, err
}

// begin makes the file fit to be read, unless it has been before and nothing has
// changed since, and names what it holds. A target that will not do is refused
// before anything is written.
func (m *mover) begin(ctx context.Context, state store.Move) (store.Carried, error) {
	if err := state.Err(); err != nil {
		took, lookErr := m.target.Took(ctx, state.Carried)
		if lookErr == nil && !took {
			lookErr = err
		}
		return state.Carried, lookErr
	}
	from := state.Carried
	if !state.Intact {
		from.Turn = ""
	}
	if err := m.target.MayMove(ctx, from); err != nil {
		return from, &exitError{exitUsage, fmt.Errorf("move to %s: %w", m.target.Address(), err)}
	}
	if state.Intact {
		return from, nil
	}
	if err := m.useKey(ctx, m.file); err != nil {
		return from, err
	}
	if err := m.file.Shred(ctx, m.now()); err != nil {
		return from, err
	}
	if err := settleOrphans(ctx, m.file, m.config, m.log, m.now); err != nil {
		return from, err
	}
	return m.file.BeginMove(ctx)
}

// carry brings all rows over and holds both ledgers against each other.
func (m *mover) carry(ctx context.Context, from store.Carried, into *postgres.Move) error {
	total := int64(0)
	for _, t := range store.Tables() {
		n, err := m.file.CountRows(ctx, t)
		if err != nil {
			return err
		}
		total += n
	}
	p := &moveProgress{mover: m, bar: m.newBar("moving", int(2*total), mails())} // each row is brought, and compared
	defer p.bar.stop()
	for _, t := range store.Tables() {
		if err := m.carryTable(ctx, from, into, t, p); err != nil {
			return fmt.Errorf("move %s: %w", t.Name, err)
		}
	}
	for _, t := range store.Tables() {
		if err := m.compare(ctx, from, into, t); err != nil {
			return fmt.Errorf("compare %s: %w", t.Name, err)
		}
		p.compared(into.Carried(t))
		if err := m.step("compared " + t.Name); err != nil {
			return err
		}
	}
	if err := into.Settle(ctx); err != nil {
		return err
	}
	return m.step("settled")
}

// carryTable brings the rows of one table over. While a page is written the next
// one is read.
func (m *mover) carryTable(ctx context.Context, from store.Carried, into *postgres.Move, t store.Table, p *moveProgress) error {
	start := into.Carried(t)
	p.brought(start)
	writer := startBeside(func(page store.Page) error {
		if err := into.Take(ctx, t, page); err != nil {
			return err
		}
		p.brought(into.Carried(t))
		return m.step("page of " + t.Name)
	})
	err := m.readTable(ctx, from, t, start.After, writer.hand)
	if failed := writer.wait(); !errors.Is(err, failed) {
		err = errors.Join(err, failed)
	}
	if err == nil {
		p.done(into.Carried(t))
	}
	return err
}

// readTable hands over what the table holds behind after.
func (m *mover) readTable(ctx context.Context, from store.Carried, t store.Table, after int64, hand func(store.Page) error) error {
	for {
		page, err := m.file.Export(ctx, t, after, m.page)
		if err != nil {
			return err
		}
		// Asked after the page was read, so that what is in it came before.
		if err := m.file.StillHolds(ctx, from); err != nil {
			return err
		}
		if len(page.Rows) == 0 {
			return nil
		}
		if err := hand(page); err != nil {
			return err
		}
		after = page.After
	}
}

// errDiffers says what to do where the ledgers are not the same.
var errDiffers = errors.New("was it changed by other means meanwhile? Nothing was sent from it, and the file is as it was: make the database anew and run 'alta move' again")

// compare reads both ledgers from the first row to the last one, each by itself.
func (m *mover) compare(ctx context.Context, from store.Carried, into *postgres.Move, t store.Table) error {
	var there store.Sum
	var thereErr error
	var reading sync.WaitGroup
	reading.Go(func() { there, thereErr = into.Sum(ctx, t) })
	here, err := t.Sum(func(after int64, n int) (store.Page, error) { return m.file.Export(ctx, t, after, n) })
	reading.Wait()
	if err = errors.Join(err, thereErr); err != nil {
		return err
	}
	if err := m.file.StillHolds(ctx, from); err != nil {
		return err
	}
	switch {
	case here.Rows != there.Rows:
		return fmt.Errorf("the file holds %d rows and %s holds %d; %w", here.Rows, m.target.Address(), there.Rows, errDiffers)
	case here != there:
		return fmt.Errorf("a row in %s is not as it is in the file; %w", m.target.Address(), errDiffers)
	}
	return into.Compared(ctx, t, here)
}

// handOver lets PostgreSQL send in the place of the file.
func (m *mover) handOver(ctx context.Context, from store.Carried, into *postgres.Move) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // it is short
	state, err := m.file.Move(ctx)
	if err == nil && state.At.IsZero() {
		if err = m.file.MarkMoved(ctx, from, m.target.Address(), m.act(""), m.now()); err == nil {
			state, err = m.file.Move(ctx)
		}
	}
	if err == nil {
		err = m.step("marked")
	}
	if err == nil {
		err = into.Finish(ctx, m.file.name(), m.act(""), state.At)
	}
	if err == nil {
		err = m.step("finished")
	}
	return err
}

// moveProgress shows how far a move is: a bar where a person watches, and a line
// for each table.
type moveProgress struct {
	*mover
	bar *bar
	sum int64 // rows of the tables that are through
}

func (p *moveProgress) brought(c postgres.Carried) {
	p.bar.set(int(p.sum+c.Rows), fmt.Sprintf("moving %s, %d rows", c.Table, c.Rows))
}

func (p *moveProgress) done(c postgres.Carried) {
	p.sum += c.Rows
	fmt.Fprintf(p.screen, "%s: %d rows brought over\n", c.Table, c.Rows)
}

func (p *moveProgress) compared(c postgres.Carried) {
	p.sum += c.Rows
	p.bar.set(int(p.sum), "comparing "+c.Table)
	fmt.Fprintf(p.screen, "%s: %d rows are the same in both\n", c.Table, c.Rows)
}
