package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"alta/pipeline"
)

// The ledgers of the measurements. Each is made by 'alta users import', and then
// copied for each round.
const (
	ledgerDue       = "due"        // as many due as a run sends
	ledgerPullSmall = "pull-small" // a thousand due among ten thousand
	ledgerLarge     = "large"      // a million pending, none due
	ledgerPullLarge = "pull-large" // the same, and a thousand due
	ledgerRunLarge  = "run-large"  // the same, and as many due as a run sends
	ledgerPullGiant = "pull-giant" // a thousand due among ten million
)

// The seeds of the lists, one each, so that no user is on two of them.
const (
	seedDue   = 1
	seedLater = 2
)

// keptFor is how long a kept ledger is as it was made: those who are not due yet
// fall due after that.
const keptFor = 12 * time.Hour

const (
	ledgerFile = "alta.db"
	madeFile   = "made" // its time is when the ledger was made
)

// recipe says how a ledger is made: on top of another one, or from nothing.
type recipe struct {
	on    string
	later int // pending users whose first mail is planned, and not due
	due   int // pending users who are to be mailed now
}

func (b *bench) recipe(name string) recipe {
	switch name {
	case ledgerDue:
		return recipe{due: b.mails}
	case ledgerPullSmall:
		return recipe{later: b.small, due: b.pulled}
	case ledgerLarge:
		return recipe{later: b.large}
	case ledgerPullLarge:
		return recipe{on: ledgerLarge, due: b.pulled}
	case ledgerRunLarge:
		return recipe{on: ledgerLarge, due: b.mails}
	case ledgerPullGiant:
		return recipe{later: b.giant, due: b.pulled}
	}
	panic("there is no ledger " + name)
}

// ledger returns the folder of a ledger, which it makes at the first call.
func (b *bench) ledger(ctx context.Context, name string) (folder string, err error) {
	if folder, made := b.ledgers[name]; made {
		return folder, nil
	}
	r := b.recipe(name)
	folder = filepath.Join(b.store, fmt.Sprintf("%s-%d-%d-%d-%s", name, r.later, r.due, b.large, b.schema))
	if !b.isFresh(folder) {
		if err := b.makeLedger(ctx, folder, r); err != nil {
			return "", fmt.Errorf("make the ledger %s: %w", name, err)
		}
		b.say("made the ledger %s: %d users not due, %d due", name, r.later, r.due)
	}
	b.ledgers[name] = folder
	return folder, nil
}

func (b *bench) isFresh(folder string) bool {
	made, err := os.Stat(filepath.Join(folder, madeFile))
	return err == nil && b.now().Sub(made.ModTime()) < keptFor
}

func (b *bench) makeLedger(ctx context.Context, folder string, r recipe) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if r.on == "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	} else {
		base, err := b.ledger(ctx, r.on)
		if err != nil {
			return err
		}
		if err := copyLedger(folder, base); err != nil {
			return err
		}
	}
	if err := b.enrolLater(ctx, folder, r.later); err != nil {
		return err
	}
	if err := b.enrol(ctx, folder, seedDue, r.due, anyTime); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, madeFile), nil, 0o600)
}

// enrolLater imports n users who are not due, and spreads them over the minutes of
// a week, as reminders are: the plan alone would put all of them off until the
// same moment tomorrow.
func (b *bench) enrolLater(ctx context.Context, folder string, n int) error {
	if n == 0 {
		return nil
	}
	if err := b.enrol(ctx, folder, seedLater, n, laterHours(b.now())); err != nil {
		return err
	}
	return spread(ctx, filepath.Join(folder, ledgerFile), n)
}

// spread puts off what is due, in steps that keep the log short.
func spread(ctx context.Context, ledger string, n int) (err error) {
	const week, atOnce = 7 * 24 * 60, 50_000
	db, err := sql.Open("sqlite3", "file:"+ledger+"?_synchronous=NORMAL")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for from := 0; from < n; from += atOnce {
		if _, err := db.ExecContext(ctx, `UPDATE deliveries SET due_at = due_at + id % ? * 60000
			WHERE id > ? AND id <= ? AND state = 'due'`, week, from, from+atOnce); err != nil {
			return fmt.Errorf("spread what is due: %w", err)
		}
	}
	return nil
}

// enrol imports n users of a list.
func (b *bench) enrol(ctx context.Context, folder string, seed uint64, n int, hours string) error {
	if n == 0 {
		return nil
	}
	list, err := b.list(seed, n)
	if err != nil {
		return err
	}
	config, err := configure(folder, nowhere(hours))
	if err != nil {
		return err
	}
	_, err = b.importUsers(ctx, config, list, n)
	return err
}

// list writes a list of users, unless it is there.
func (b *bench) list(seed uint64, n int) (string, error) {
	path := filepath.Join(b.store, fmt.Sprintf("users-%d-%d.csv", seed, n))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := writePeople(path+".part", seed, n); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// laterHours are sending hours that have just passed wherever the users live, so
// that the plan puts their first mails off until tomorrow.
func laterHours(now time.Time) string {
	west := now
	if zone, err := time.LoadLocation(pipeline.DefaultTimeZone(pipeline.MX)); err == nil {
		west = now.In(zone) // the Dominican Republic is two hours ahead: passed there as well
	}
	from := west.Add(-2 * time.Hour)
	until := from.Add(time.Hour)
	if until.Day() != from.Day() {
		return from.Format("15:04") + "-24:00"
	}
	return from.Format("15:04") + "-" + until.Format("15:04")
}

// fresh is a copy of a ledger for one measurement, and how to drop it.
func (b *bench) fresh(ctx context.Context, name string) (folder string, drop func() error, err error) {
	base, err := b.ledger(ctx, name)
	if err != nil {
		return "", nil, err
	}
	folder, drop, err = b.empty()
	if err != nil {
		return "", nil, err
	}
	if err := copyLedger(folder, base); err != nil {
		return "", nil, errors.Join(err, drop())
	}
	return folder, drop, nil
}

// empty is a folder for one measurement, on the same disk as the ledgers, and how
// to drop it.
func (b *bench) empty() (folder string, drop func() error, err error) {
	folder, err = os.MkdirTemp(b.store, "run-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// copyLedger copies a ledger that nobody uses, with its key if it has one. The
// copy is on the disk when it returns, so that no measurement pays for it.
func copyLedger(to, from string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, ledgerFile) {
			if err := copyFile(filepath.Join(to, name), filepath.Join(from, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}
