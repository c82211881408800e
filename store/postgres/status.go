package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Status returns the state of the whole ledger. It reads what was counted as it
// changed, so it costs about the same however many users there are.
func (s *Store) Status(ctx context.Context, now time.Time) (st store.Status, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		if st.Funnel, err = funnels(ctx, tx); err != nil {
			return err
		}
		if st.Queue, err = queueStatus(ctx, tx, now); err != nil {
			return err
		}
		if st.Pauses, err = pauses(ctx, tx); err != nil {
			return err
		}
		st.Links, err = linkStatus(ctx, tx, now)
		return err
	})
	if err != nil {
		return store.Status{}, fmt.Errorf("read the status: %w", err)
	}
	return st, nil
}

// QueueStatus counts the queue alone, and returns the pauses in force.
func (s *Store) QueueStatus(ctx context.Context, now time.Time) (q store.QueueStatus, paused []pipeline.Pause, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		if q, err = queueStatus(ctx, tx, now); err != nil {
			return err
		}
		paused, err = pauses(ctx, tx)
		return err
	})
	if err != nil {
		return store.QueueStatus{}, nil, fmt.Errorf("read the queue: %w", err)
	}
	return q, paused, nil
}

func funnels(ctx context.Context, tx pgx.Tx) ([]store.Funnel, error) {
	rows, err := tx.Query(ctx, `SELECT country, status, mailed, withdrawn, address_bad, sum(users)::bigint FROM funnel_counts GROUP BY 1, 2, 3, 4, 5`)
	counts, err := collect(rows, err, func(rows pgx.Rows) (c store.FunnelCount, err error) {
		err = rows.Scan(&c.Country, &c.Status, &c.Mailed, &c.Withdrawn, &c.AddressBad, &c.Users)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `SELECT country, sum(users)::bigint FROM reached_counts WHERE what = 0 GROUP BY 1`)
	opened, err := collect(rows, err, func(rows pgx.Rows) (c store.FunnelCount, err error) {
		err = rows.Scan(&c.Country, &c.Opened)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	return store.Funnels(append(counts, opened...)), nil
}

func queueStatus(ctx context.Context, tx pgx.Tx, now time.Time) (q store.QueueStatus, err error) {
	waiting, err := countQueue(ctx, tx, now)
	if err != nil {
		return q, err
	}
	q.Add(waiting)
	if q.OldestDue, q.NextDue, err = dueTimes(ctx, tx, now); err != nil {
		return q, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'claimed'), count(*) FILTER (WHERE state = 'sending')
		FROM deliveries WHERE run_id IS NOT NULL`).Scan(&q.Claimed, &q.Sending)
	if err != nil {
		return q, err
	}
	// Those that wait for a person stand under minute 0.
	err = tx.QueryRow(ctx, `SELECT coalesce(sum(deliveries) FILTER (WHERE state = 'held'), 0)::bigint,
			coalesce(sum(deliveries) FILTER (WHERE state = 'doubt'), 0)::bigint, coalesce(sum(deliveries) FILTER (WHERE state = 'failed'), 0)::bigint
		FROM queue_counts WHERE minute = 0`).Scan(&q.Held, &q.Doubt, &q.Failed)
	return q, err
}

// linkStatus counts links. What expires in this very minute is told apart by the
// links that are still sealed, as those are that a pending user can open. A link
// that was wiped early, since its user was done for a while or the data key is
// new, counts as expired some seconds early.
func linkStatus(ctx context.Context, tx pgx.Tx, now time.Time) (l store.LinkStatus, err error) {
	var all, live, sealed int
	this := store.MinuteOf(now)
	err = tx.QueryRow(ctx, `SELECT coalesce(sum(links), 0)::bigint, coalesce(sum(links) FILTER (WHERE minute > $1), 0)::bigint FROM link_expiry`, this).Scan(&all, &live)
	if err != nil {
		return l, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM links WHERE sealed IS NOT NULL AND expires_at > $1 AND expires_at < $2`,
		now.UnixMilli(), store.StartOf(this+1)).Scan(&sealed)
	if err != nil {
		return l, err
	}
	l.Live = live + sealed
	l.Expired = all - l.Live
	err = tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM attempts WHERE doubtful) + (SELECT count(*) FROM sessions WHERE doubtful)`).Scan(&l.DoubtfulMints)
	return l, err
}
