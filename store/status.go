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

// Status counts everything. It reads every user once: about a second for a
// million.
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
		err = tx.QueryRow(`SELECT count(*) FILTER (WHERE l.expires_at > ?1), count(*) FILTER (WHERE l.expires_at <= ?1)
			FROM links l JOIN users u ON u.key = l.user_key WHERE l.superseded_at IS NULL AND u.status = 'pending'`,
			now.UnixMilli()).Scan(&st.Links.Live, &st.Links.Expired)
	}
	if err == nil {
		err = tx.QueryRow(`SELECT count(*) FROM attempts WHERE doubtful = 1`).Scan(&st.Links.DoubtfulMints)
	}
	if err != nil {
		return st, fmt.Errorf("read the status: %w", err)
	}
	return st, nil
}

func funnels(tx *sql.Tx) ([]Funnel, error) {
	byCountry := []Funnel{{Country: pipeline.MX}, {Country: pipeline.DO}}
	type group struct {
		country                        pipeline.Country
		status                         pipeline.Status
		mailed, n, withdrawn, badEmail int
	}
	groups, err := rows(tx, func(scan func(...any) error) (g group, err error) {
		err = scan(&g.country, &g.status, &g.mailed, &g.n, &g.withdrawn, &g.badEmail)
		return g, err
	}, `SELECT country, status, mails > 0, count(*),
			count(*) FILTER (WHERE withdrawn = 1), count(*) FILTER (WHERE address_bad = 1)
		FROM users GROUP BY country, status, mails > 0`)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		f := &byCountry[0]
		if g.country == pipeline.DO {
			f = &byCountry[1]
		}
		f.Users += g.n
		switch g.status {
		case pipeline.Pending:
			if g.mailed == 1 {
				f.Mailed += g.n
			} else {
				f.Waiting += g.n
			}
			f.Withdrawn += g.withdrawn
			f.BadEmail += g.badEmail
		case pipeline.InReview:
			f.InReview += g.n
		case pipeline.Verified:
			f.Verified += g.n
		case pipeline.Rejected:
			f.Rejected += g.n
		case pipeline.OptedOut:
			f.OptedOut += g.n
		case pipeline.Erased:
			f.Erased += g.n
		}
	}
	return byCountry, nil
}

func queueStatus(tx *sql.Tx, now time.Time) (q QueueStatus, err error) {
	var oldest, next sql.NullInt64
	err = tx.QueryRow(`SELECT count(*) FILTER (WHERE due_at <= ?1), count(*) FILTER (WHERE due_at > ?1),
			count(*) FILTER (WHERE attempts > 0),
			min(due_at) FILTER (WHERE due_at <= ?1), min(due_at) FILTER (WHERE due_at > ?1)
		FROM deliveries WHERE state = 'due'`, now.UnixMilli()).Scan(&q.DueNow, &q.Later, &q.Retry, &oldest, &next)
	if err != nil {
		return q, err
	}
	q.OldestDue, q.NextDue = at(oldest), at(next)
	err = tx.QueryRow(`SELECT count(*) FILTER (WHERE state = 'claimed'), count(*) FILTER (WHERE state = 'sending')
		FROM deliveries WHERE state IN ('claimed', 'sending')`).Scan(&q.Claimed, &q.Sending)
	if err != nil {
		return q, err
	}
	err = tx.QueryRow(`SELECT count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'doubt'),
			count(*) FILTER (WHERE state = 'failed')
		FROM deliveries WHERE state IN ('held', 'doubt', 'failed')`).Scan(&q.Held, &q.Doubt, &q.Failed)
	return q, err
}

// Due returns up to n deliveries that a run at now would take, without taking
// them; n <= 0 is all. What is paused is left out.
func (s *Store) Due(ctx context.Context, now time.Time, n int) ([]pipeline.Delivery, error) {
	if n <= 0 {
		n = -1
	}
	ds, err := deliveries(boundTo(ctx, s.reads), nil, `WHERE d.state = 'due' AND d.due_at <= ?
			AND NOT EXISTS (SELECT 1 FROM pauses p
				WHERE (p.country = '' OR (p.country = d.country AND p.type = d.type)) AND p.probe_at > ? AND p.probe_at <= ?)
		ORDER BY d.operator DESC, d.due_at, d.id LIMIT ?`, now.UnixMilli(), now.UnixMilli(), now.Add(pipeline.LongestPause).UnixMilli(), n)
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	return ds, nil
}

// CountDue returns how many deliveries are due at now.
func (s *Store) CountDue(ctx context.Context, now time.Time) (n int, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT count(*) FROM deliveries WHERE state = 'due' AND due_at <= ?`, now.UnixMilli()).Scan(&n)
	return n, err
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

// Pauses returns the pauses in force, the outage first.
func (s *Store) Pauses(ctx context.Context) ([]pipeline.Pause, error) {
	paused, err := pauses(boundTo(ctx, s.reads))
	if err != nil {
		return nil, fmt.Errorf("read the pauses: %w", err)
	}
	return paused, nil
}
