package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// Overview is what the operator's first page shows, of one moment.
type Overview struct {
	Funnel   []Funnel // by country
	Mails    []MailsInHour
	Troubles []TroublesInHour
	Verified []VerifiedWithin
	Queue    QueueStatus
	Runs     []Run // the latest ten, newest first
	Pauses   []pipeline.Pause
}

// MailsInHour counts the mails that were sent in one hour, oldest first.
type MailsInHour struct {
	Hour    time.Time // its beginning
	Country pipeline.Country
	Step    pipeline.Step
	Mails   int
}

// TroublesInHour counts the attempts of one hour that failed for good, were held or
// ended in doubt.
type TroublesInHour struct {
	Hour     time.Time
	Outcome  pipeline.Outcome
	Attempts int
}

// VerifiedWithin counts the users who became verified so long after their invite,
// and longer than the count before it says. Who had no invite is not counted.
type VerifiedWithin struct {
	Country pipeline.Country
	Within  time.Duration // 0 is any longer time
	Users   int
}

// LookedBack is how far back an overview counts by the hour: thirty days of any
// time zone.
const LookedBack = 31 * 24 * time.Hour

// LatestRuns is how many runs are in an overview.
const LatestRuns = 10

// Overview returns the figures of the operator's first page. It reads what was
// counted as it changed, so it costs about the same however many users there are.
func (s *Store) Overview(ctx context.Context, now time.Time) (o Overview, err error) {
	// One transaction, so that the figures belong together.
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Overview{}, fmt.Errorf("read the overview: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := o.read(tx, now); err != nil {
		return Overview{}, fmt.Errorf("read the overview: %w", err)
	}
	return o, nil
}

func (o *Overview) read(tx *sql.Tx, now time.Time) (err error) {
	if o.Funnel, err = funnels(tx); err != nil {
		return err
	}
	since := HourNumber(now.Add(-LookedBack))
	if o.Mails, err = mailsSince(tx, since); err != nil {
		return err
	}
	if o.Troubles, err = troublesSince(tx, since); err != nil {
		return err
	}
	if o.Verified, err = verifiedWithin(tx); err != nil {
		return err
	}
	if o.Queue, err = queueStatus(tx, now); err != nil {
		return err
	}
	if o.Runs, err = runs(tx, LatestRuns); err != nil {
		return err
	}
	o.Pauses, err = pauses(tx)
	return err
}

func mailsSince(tx *sql.Tx, hour int64) ([]MailsInHour, error) {
	return rows(tx, func(scan func(...any) error) (m MailsInHour, err error) {
		var hour int64
		err = scan(&hour, &m.Country, &m.Step, &m.Mails)
		m.Hour = BeginningOf(hour)
		return m, err
	}, `SELECT hour, country, step, mails FROM (SELECT key / 8 AS hour, CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
			CASE key % 4 WHEN 0 THEN 'invite' WHEN 1 THEN 'reminder' ELSE 'reissue' END AS step, mails
		FROM mail_counts WHERE key >= ? * 8 ORDER BY key)`, hour)
}

func troublesSince(tx *sql.Tx, hour int64) ([]TroublesInHour, error) {
	return rows(tx, func(scan func(...any) error) (t TroublesInHour, err error) {
		var hour int64
		err = scan(&hour, &t.Outcome, &t.Attempts)
		t.Hour = BeginningOf(hour)
		return t, err
	}, `SELECT key / 4, CASE key % 4 WHEN 0 THEN 'failed' WHEN 1 THEN 'held' ELSE 'doubt' END, attempts
		FROM trouble_counts WHERE key >= ? * 4 ORDER BY key`, hour)
}

func verifiedWithin(tx *sql.Tx) ([]VerifiedWithin, error) {
	counts, err := rows(tx, func(scan func(...any) error) (c [3]int, err error) {
		err = scan(&c[0], &c[1], &c[2])
		return c, err
	}, `SELECT key % 2, key / 2 - 1, users FROM reached_counts WHERE key >= 2`)
	if err != nil {
		return nil, err
	}
	all := NobodyVerified()
	for _, c := range counts {
		all[c[0]*len(Within())+c[1]].Users = c[2]
	}
	return all, nil
}
