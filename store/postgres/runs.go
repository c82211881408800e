package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// StartRun writes down that a run begins, and the least time between two mails
// to one user that the database holds it to. A run of the schedule names the
// slot that it serves; a slot is served once, so a second run for it is refused
// with false.
func (s *Store) StartRun(ctx context.Context, by store.Trigger, slot time.Time, minGap time.Duration, now time.Time) (id int64, ok bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ids, err := column[int64](ctx, tx, `INSERT INTO runs (trigger, slot, min_gap, started_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (slot) DO NOTHING RETURNING id`, by, ms(slot), minGap.Milliseconds(), ms(now))
		if ok = len(ids) == 1; ok {
			id = ids[0]
		}
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("start a run: %w", err)
	}
	return id, ok, nil
}

// FinishRun writes down how a run ended; failure is the error that ended it,
// nil for none.
func (s *Store) FinishRun(ctx context.Context, id int64, r pipeline.Report, failure error, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return finishRun(ctx, tx, id, r, failure, now)
	})
	if err != nil {
		return fmt.Errorf("finish run %d: %w", id, err)
	}
	return nil
}

func finishRun(ctx context.Context, tx pgx.Tx, id int64, r pipeline.Report, failure error, now time.Time) error {
	why := ""
	if failure != nil {
		why = failure.Error()
	}
	return one(tx.Exec(ctx, `UPDATE runs SET finished_at = $2, selected = $3, sent = $4, retry = $5, failed = $6, held = $7, doubt = $8,
			cancelled = $9, minted = $10, outage = $11, error = $12 WHERE id = $1`,
		id, ms(now), r.Selected, r.Sent, r.Retry, r.Failed, r.Held, r.Doubt, r.Cancelled, r.Minted, text(r.Outage), text(why)))
}

// LastSlot is the latest moment of the schedule up to now that a run served,
// zero when none has, and whether the run of the schedule that began last came
// to its end: one that was told to stop, or died, has left work behind. A slot
// that lies ahead was served while the clock was, and says nothing.
func (s *Store) LastSlot(ctx context.Context, now time.Time) (slot time.Time, complete bool, err error) {
	var last *int64
	err = s.pool.QueryRow(ctx, `SELECT (SELECT max(slot) FROM runs WHERE slot <= $1),
			coalesce((SELECT finished_at IS NOT NULL AND error = '' FROM runs WHERE trigger = $2 ORDER BY id DESC LIMIT 1), true)`,
		now.UnixMilli(), store.BySchedule).Scan(&last, &complete)
	return at(last), complete, err
}

// Runs returns the latest n runs, newest first.
func (s *Store) Runs(ctx context.Context, n int) ([]store.Run, error) {
	return runs(ctx, s.pool, n)
}

func runs(ctx context.Context, q querier, n int) ([]store.Run, error) {
	rows, err := q.Query(ctx, `SELECT id, trigger, started_at, finished_at, selected, sent, retry, failed, held, doubt, cancelled, minted, outage, error
		FROM runs ORDER BY id DESC LIMIT $1`, n)
	return collect(rows, err, func(rows pgx.Rows) (r store.Run, err error) {
		var started, finished *int64
		p := &r.Report
		err = rows.Scan(&r.ID, &r.Trigger, &started, &finished, &p.Selected, &p.Sent, &p.Retry, &p.Failed, &p.Held,
			&p.Doubt, &p.Cancelled, &p.Minted, &p.Outage, &r.Error)
		r.StartedAt, r.FinishedAt = at(started), at(finished)
		if finished != nil {
			p.DurationMS = max(0, r.FinishedAt.Sub(r.StartedAt).Milliseconds()) // the clock may have gone back
		}
		return r, err
	})
}

// Lift ends a pause that something other than a mail has shown to be over.
func (s *Store) Lift(ctx context.Context, p pipeline.Pause) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return liftPause(ctx, tx, p) })
}

// Pauses returns the pauses in force, an outage first.
func (s *Store) Pauses(ctx context.Context) ([]pipeline.Pause, error) {
	paused, err := pauses(ctx, s.pool)
	if err != nil {
		return nil, fmt.Errorf("read the pauses: %w", err)
	}
	return paused, nil
}
