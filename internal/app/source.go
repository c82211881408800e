package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"alta/internal/roster"
	"alta/pipeline"
	"alta/store"
)

// sourceLimit bounds one pull: a query of somebody else's database can be
// endless.
const sourceLimit = 10 * time.Minute

// batchSize is how many users are taken in by one transaction. Many of them
// share the pages of the ledger's indexes, each of which is written once for all;
// but a transaction keeps every other writer waiting, so that it should take a few
// tenths of a second at most.
const batchSize = 5000

// pullSource takes in the pending users that the [source] query returns, if
// there is one.
func (e *engine) pullSource(ctx context.Context) error {
	if e.config.Source.SQLite == "" {
		return nil
	}
	return pullInto(ctx, e.store, e.config, e.log, planner(e.plan, e.now), e.now)
}

// pullInto takes the users that the query returns into the ledger, and
// withdraws those that it no longer returns. A source that can't be read is an
// outage: nobody can say who is still pending, so nobody is mailed.
func pullInto(ctx context.Context, s ledger, c *Config, log *slog.Logger, plan store.Planner, now pipeline.Clock) (err error) {
	if err := notTheLedger(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	users, err := newSpool()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.close()) }()
	bad := 0
	if err := roster.ReadSQLite(ctx, c.Source.SQLite, c.Source.Query, users.add, func(p roster.Problem) {
		bad++
		logProblem(log, p, bad)
	}); err != nil {
		return sourceFault(err)
	}
	sync, err := s.startSync(ctx, plan)
	if err != nil {
		return err
	}
	var enrolled store.Enrolled
	if err := users.each(func(batch []pipeline.User) error {
		counts, err := sync.Enrol(ctx, batch, now())
		enrolled.Add(counts)
		return err
	}); err != nil {
		return err
	}
	withdrawn, err := sync.Finish(ctx, now())
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if withdrawn > users.size {
		level = slog.LevelWarn // most of those who were there are gone: is the query right?
	}
	log.Log(ctx, level, "source pulled", "returned", users.size, "added", enrolled.Added, "updated", enrolled.Updated,
		"unchanged", enrolled.Unchanged, "withdrawn", withdrawn, "bad_values", bad)
	return nil
}

func sourceFault(err error) error {
	if errors.Is(err, context.Canceled) {
		return err // told to stop
	}
	return &pipeline.Fault{
		Kind: pipeline.Outage, Code: "source",
		Reason: "the source database could not be read, so nobody can say who is still pending: " + err.Error() +
			"; mend [source] in the configuration or the file it names",
	}
}

// mostProblems bounds the lines that bad rows of one source pull can write.
const mostProblems = 100

func logProblem(log *slog.Logger, p roster.Problem, count int) {
	switch {
	case count < mostProblems:
		log.Warn("bad row in the source", "row", p.Line, "column", p.Column, "reason", p.Reason)
	case count == mostProblems:
		log.Warn("more bad rows in the source follow and are not listed")
	}
}

// batch gathers users, so that many share one transaction. Each batch is write's
// to keep.
type batch struct {
	users []pipeline.User
	write func([]pipeline.User) error
}

func newBatch(write func([]pipeline.User) error) *batch { return &batch{write: write} }

func (b *batch) add(u pipeline.User) error {
	if b.users == nil {
		b.users = make([]pipeline.User, 0, batchSize)
	}
	b.users = append(b.users, u)
	if len(b.users) < batchSize {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	users := b.users
	b.users = nil
	if len(users) == 0 {
		return nil
	}
	return b.write(users)
}

// readSource reads the source without taking anything in.
func readSource(ctx context.Context, c *Config, good func(), bad func(roster.Problem)) error {
	if err := notTheLedger(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	return roster.ReadSQLite(ctx, c.Source.SQLite, c.Source.Query,
		func(roster.Row) error { good(); return nil },
		bad)
}

// notTheLedger refuses alta's own ledger as its source.
func notTheLedger(c *Config) error {
	source, err := os.Stat(c.Source.SQLite)
	if err != nil {
		return nil // whoever reads it says what is wrong
	}
	ledger, err := os.Stat(c.Database.Path)
	if err == nil && os.SameFile(source, ledger) {
		return &exitError{exitUsage, errors.New("source.sqlite and database.url name the same file; the source is your own database, the ledger is alta's")}
	}
	return nil
}
