package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The ledgers on PostgreSQL. Each is made once; those that a measurement changes
// are copied for it.
const (
	sharedDue   = "due"   // as many due as a run sends, as in the ledger of that name on SQLite
	sharedLater = "later" // as many as the largest fleet sends, none due
	sharedGiant = "giant" // very many, made by the server itself
)

// sharedLedger returns the URL of a ledger, which it makes at the first call.
func (b *bench) sharedLedger(ctx context.Context, name string) (url string, err error) {
	s, err := b.sharedServer(ctx)
	if err != nil {
		return "", err
	}
	if url, made := s.made[name]; made {
		return url, nil
	}
	if err := s.CreateDatabase(ctx, name, ""); err != nil {
		return "", err
	}
	url = s.URL(name)
	switch name {
	case sharedDue:
		err = b.enrolShared(ctx, url, b.mails, anyTime)
	case sharedLater:
		err = b.enrolShared(ctx, url, mostMachines*b.fleetMails, laterHours(b.now()))
	case sharedGiant:
		err = b.makeGiant(ctx, url)
	}
	if err == nil {
		// What autovacuum would do by itself in time. It leaves tables alone that are
		// still empty.
		err = execute(ctx, url, `VACUUM (ANALYZE) users, deliveries, funnel_counts, queue_counts`, `CHECKPOINT`)
	}
	if err != nil {
		return "", fmt.Errorf("make the ledger %s on PostgreSQL: %w", name, err)
	}
	b.say("made the ledger %s on PostgreSQL", name)
	s.made[name] = url
	return url, nil
}

// enrolShared imports n users.
func (b *bench) enrolShared(ctx context.Context, url string, n int, hours string) (err error) {
	list, err := b.list(seedDue, n)
	if err != nil {
		return err
	}
	folder, drop, err := b.empty()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	s := nowhere(hours)
	s.database = url
	config, err := configure(folder, s)
	if err != nil {
		return err
	}
	_, err = b.importUsers(ctx, config, list, n)
	return err
}

// freshShared is a copy of a ledger for one measurement, a folder for the
// configuration of its machines, and how to drop both. All of the copy is on the
// disk, and after the drop nothing is left to write that the next measurement
// would pay for.
func (b *bench) freshShared(ctx context.Context, name string) (url, folder string, drop func() error, err error) {
	if _, err := b.sharedLedger(ctx, name); err != nil {
		return "", "", nil, err
	}
	s := b.shared
	s.copies++
	database := fmt.Sprintf("copy_%d", s.copies)
	if err := s.CreateDatabase(ctx, database, name); err != nil {
		return "", "", nil, err
	}
	folder, dropFolder, err := b.empty()
	drop = func() error {
		ctx := context.WithoutCancel(ctx)
		return errors.Join(dropFolder(), s.DropDatabase(ctx, database), execute(ctx, s.URL("postgres"), `CHECKPOINT`))
	}
	if err == nil {
		err = execute(ctx, s.URL("postgres"), `CHECKPOINT`)
	}
	if err != nil {
		return "", "", nil, errors.Join(err, drop())
	}
	return s.URL(database), folder, drop, nil
}

// runTook is how long the latest run took, as the ledger has it: the machine that
// waits for a run need not be the one that made it.
func runTook(ctx context.Context, url string) (took time.Duration, err error) {
	err = onDatabase(ctx, url, func(conn *pgx.Conn) error {
		var ms int64
		err := conn.QueryRow(ctx, `SELECT finished_at - started_at FROM runs ORDER BY id DESC LIMIT 1`).Scan(&ms)
		took = time.Duration(ms) * time.Millisecond
		return err
	})
	return took, err
}

// sentIn counts the mails that the ledger says were sent.
func sentIn(ctx context.Context, url string) (n int, err error) {
	err = onDatabase(ctx, url, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT count(*) FROM deliveries WHERE state = 'sent'`).Scan(&n)
	})
	return n, err
}
