package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// Overview returns the figures of the operator's first page. It reads what was
// counted as it changed, so it costs about the same however many users there are.
func (s *Store) Overview(ctx context.Context, now time.Time) (o store.Overview, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		o = store.Overview{}
		return readOverview(ctx, tx, &o, now)
	})
	if err != nil {
		return store.Overview{}, fmt.Errorf("read the overview: %w", err)
	}
	return o, nil
}

func readOverview(ctx context.Context, tx pgx.Tx, o *store.Overview, now time.Time) (err error) {
	if o.Funnel, err = funnels(ctx, tx); err != nil {
		return err
	}
	since := store.HourNumber(now.Add(-store.LookedBack))
	if o.Mails, err = mailsSince(ctx, tx, since); err != nil {
		return err
	}
	if o.Troubles, err = troublesSince(ctx, tx, since); err != nil {
		return err
	}
	if o.Verified, err = verifiedWithin(ctx, tx); err != nil {
		return err
	}
	if o.Queue, err = queueStatus(ctx, tx, now); err != nil {
		return err
	}
	if o.Runs, err = runs(ctx, tx, store.LatestRuns); err != nil {
		return err
	}
	o.Pauses, err = pauses(ctx, tx)
	return err
}

func mailsSince(ctx context.Context, tx pgx.Tx, hour int64) ([]store.MailsInHour, error) {
	rows, err := tx.Query(ctx, `SELECT hour, country, step, sum(mails)::bigint FROM mail_counts WHERE hour >= $1
		GROUP BY 1, 2, 3 HAVING sum(mails) <> 0 ORDER BY hour, country DESC, step = 'invite' DESC, step = 'reminder' DESC`, hour)
	return collect(rows, err, func(rows pgx.Rows) (m store.MailsInHour, err error) {
		var hour int64
		err = rows.Scan(&hour, &m.Country, &m.Step, &m.Mails)
		m.Hour = store.BeginningOf(hour)
		return m, err
	})
}

func troublesSince(ctx context.Context, tx pgx.Tx, hour int64) ([]store.TroublesInHour, error) {
	rows, err := tx.Query(ctx, `SELECT hour, outcome, sum(attempts)::bigint FROM trouble_counts WHERE hour >= $1
		GROUP BY 1, 2 HAVING sum(attempts) <> 0 ORDER BY hour, outcome = 'failed' DESC, outcome = 'held' DESC`, hour)
	return collect(rows, err, func(rows pgx.Rows) (t store.TroublesInHour, err error) {
		var hour int64
		err = rows.Scan(&hour, &t.Outcome, &t.Attempts)
		t.Hour = store.BeginningOf(hour)
		return t, err
	})
}

func verifiedWithin(ctx context.Context, tx pgx.Tx) ([]store.VerifiedWithin, error) {
	rows, err := tx.Query(ctx, `SELECT (country = 'DO')::int, what - 1, sum(users)::bigint FROM reached_counts WHERE what > 0 GROUP BY 1, 2`)
	counts, err := collect(rows, err, func(rows pgx.Rows) (c [3]int, err error) {
		err = rows.Scan(&c[0], &c[1], &c[2])
		return c, err
	})
	all := store.NobodyVerified()
	for _, c := range counts {
		all[c[0]*len(store.Within())+c[1]].Users = c[2]
	}
	return all, err
}
