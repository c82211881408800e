package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// Status is the state of the whole ledger at one moment.
type Status struct {
	Funnel []Funnel
	Queue  QueueStatus
	Links  LinkStatus
	Pauses []pipeline.Pause
}

// Funnel counts the users of one country.
type Funnel struct {
	Country   pipeline.Country
	Users     int // all of them
	Waiting   int // pending, no mail yet
	Mailed    int // pending, at least one mail
	Opened    int // pending, has opened the link of a mail
	InReview  int
	Verified  int
	Rejected  int
	OptedOut  int
	Erased    int
	Withdrawn int // pending, but the source query no longer returns them
	BadEmail  int // pending, but the address is undeliverable
}

// QueueStatus counts deliveries that are not settled, or went wrong.
type QueueStatus struct {
	DueNow    int
	Later     int
	Retry     int // of those due now or later: put off after an attempt
	Claimed   int
	Sending   int
	Held      int
	Doubt     int
	Failed    int
	OldestDue time.Time // the earliest due time that has passed; zero if none
	NextDue   time.Time // the earliest due time that lies ahead; zero if none
}

// LinkStatus counts the links that users hold now.
type LinkStatus struct {
	Live          int
	Expired       int
	DoubtfulMints int // mints since ever that may have opened a session that nobody got
}

// Status returns the state of the whole ledger. It reads what was counted as it
// changed, so it costs about the same however many users there are.
func (s *Store) Status(ctx context.Context, now time.Time) (Status, error) {
	var st Status
	// One transaction, so that the figures belong together.
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return st, fmt.Errorf("read the status: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if st.Funnel, err = funnels(tx); err == nil {
		if st.Queue, err = queueStatus(tx, now); err == nil {
			st.Pauses, err = pauses(tx)
		}
	}
	if err == nil {
		st.Links, err = linkStatus(tx, now)
	}
	if err != nil {
		return st, fmt.Errorf("read the status: %w", err)
	}
	return st, nil
}

func funnels(tx *sql.Tx) ([]Funnel, error) {
	counts, err := rows(tx, func(scan func(...any) error) (c FunnelCount, err error) {
		err = scan(&c.Country, &c.Status, &c.Mailed, &c.Withdrawn, &c.AddressBad, &c.Users)
		return c, err
	}, `SELECT country, status, mailed, withdrawn, address_bad, users FROM funnel`)
	if err != nil {
		return nil, err
	}
	opened, err := rows(tx, func(scan func(...any) error) (c FunnelCount, err error) {
		err = scan(&c.Country, &c.Opened)
		return c, err
	}, `SELECT CASE key WHEN 0 THEN 'MX' ELSE 'DO' END, users FROM reached_counts WHERE key < 2`)
	if err != nil {
		return nil, err
	}
	return Funnels(append(counts, opened...)), nil
}

func queueStatus(tx *sql.Tx, now time.Time) (q QueueStatus, err error) {
	waiting, err := countQueue(tx, now)
	if err != nil {
		return q, err
	}
	q.Add(waiting)
	if q.OldestDue, q.NextDue, err = dueTimes(tx, now); err != nil {
		return q, err
	}
	err = tx.QueryRow(`SELECT count(*) FILTER (WHERE state = 'claimed'), count(*) FILTER (WHERE state = 'sending')
		FROM deliveries WHERE run_id IS NOT NULL`).Scan(&q.Claimed, &q.Sending)
	if err != nil {
		return q, err
	}
	// The keys of those that wait for a person are the first of the table.
	err = tx.QueryRow(`SELECT coalesce(sum(deliveries) FILTER (WHERE key / 8 % 4 = 1), 0),
			coalesce(sum(deliveries) FILTER (WHERE key / 8 % 4 = 2), 0), coalesce(sum(deliveries) FILTER (WHERE key / 8 % 4 = 3), 0)
		FROM queue_counts WHERE key >= 8 AND key < 128`).Scan(&q.Held, &q.Doubt, &q.Failed)
	return q, err
}

// linkStatus counts links. What expires in this very minute is told apart by the
// links that are still sealed, as those are that a pending user can open. A link
// that was wiped early, since its user was done for a while or the data key is
// new, counts as expired some seconds early.
func linkStatus(tx *sql.Tx, now time.Time) (l LinkStatus, err error) {
	var all, live, sealed int
	this := MinuteOf(now)
	err = tx.QueryRow(`SELECT coalesce(sum(links), 0), coalesce(sum(links) FILTER (WHERE minute > ?), 0) FROM link_expiry`, this).Scan(&all, &live)
	if err != nil {
		return l, err
	}
	err = tx.QueryRow(`SELECT count(*) FROM links WHERE sealed IS NOT NULL AND expires_at > ? AND expires_at < ?`,
		now.UnixMilli(), StartOf(this+1)).Scan(&sealed)
	if err != nil {
		return l, err
	}
	l.Live = live + sealed
	l.Expired = all - l.Live
	err = tx.QueryRow(`SELECT (SELECT count(*) FROM attempts WHERE doubtful = 1) + (SELECT count(*) FROM sessions WHERE doubtful = 1)`).Scan(&l.DoubtfulMints)
	return l, err
}

// Pauses returns the pauses in force, an outage first.
func (s *Store) Pauses(ctx context.Context) ([]pipeline.Pause, error) {
	paused, err := pauses(boundTo(ctx, s.reads))
	if err != nil {
		return nil, fmt.Errorf("read the pauses: %w", err)
	}
	return paused, nil
}

// QueueStatus counts the queue alone, and returns the pauses in force.
func (s *Store) QueueStatus(ctx context.Context, now time.Time) (QueueStatus, []pipeline.Pause, error) {
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return QueueStatus{}, nil, fmt.Errorf("read the queue: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	q, err := queueStatus(tx, now)
	if err != nil {
		return q, nil, fmt.Errorf("read the queue: %w", err)
	}
	paused, err := pauses(tx)
	if err != nil {
		return q, nil, fmt.Errorf("read the pauses: %w", err)
	}
	return q, paused, nil
}
