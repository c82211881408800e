package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// Trigger says what began a run.
type Trigger string

// The triggers of a run.
const (
	BySchedule Trigger = "schedule"
	ByCommand  Trigger = "command"
	ByResend   Trigger = "resend"
)

// Run is one pass of the pipeline.
type Run struct {
	ID         int64
	Trigger    Trigger
	StartedAt  time.Time
	FinishedAt time.Time // zero while it lasts
	Report     pipeline.Report
	Error      string
}

// StartRun writes down that a run begins, and the least time between two mails
// to one user that the database holds it to. A run of the schedule names the
// slot that it serves; a slot is served once, so a second run for it is refused
// with false.
func (s *Store) StartRun(ctx context.Context, by Trigger, slot time.Time, minGap time.Duration, now time.Time) (id int64, ok bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := here(tx); err != nil {
			return err
		}
		ids, err := column[int64](tx, `INSERT INTO runs (trigger, slot, min_gap, started_at) VALUES (?, ?, ?, ?)
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
	text := ""
	if failure != nil {
		text = failure.Error()
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.Exec(`UPDATE runs SET finished_at = ?, selected = ?, sent = ?, retry = ?, failed = ?, held = ?, doubt = ?,
			cancelled = ?, minted = ?, outage = ?, error = ? WHERE id = ?`,
			ms(now), r.Selected, r.Sent, r.Retry, r.Failed, r.Held, r.Doubt, r.Cancelled, r.Minted, r.Outage, text, id))
	})
	if err != nil {
		return fmt.Errorf("finish run %d: %w", id, err)
	}
	return nil
}

// LastSlot is the latest moment of the schedule up to now that a run served,
// zero when none has, and whether the run of the schedule that began last came
// to its end: one that was told to stop, or died, has left work behind. A slot
// that lies ahead was served while the clock was, and says nothing.
func (s *Store) LastSlot(ctx context.Context, now time.Time) (slot time.Time, complete bool, err error) {
	var last sql.NullInt64
	err = s.reads.QueryRowContext(ctx, `SELECT (SELECT max(slot) FROM runs WHERE slot <= ?),
			coalesce((SELECT finished_at IS NOT NULL AND error = '' FROM runs WHERE trigger = ? ORDER BY id DESC LIMIT 1), 1)`,
		ms(now), BySchedule).Scan(&last, &complete)
	return at(last), complete, err
}

// Runs returns the latest n runs, newest first.
func (s *Store) Runs(ctx context.Context, n int) ([]Run, error) {
	return runs(boundTo(ctx, s.reads), n)
}

func runs(q querier, n int) ([]Run, error) {
	return rows(q, func(scan func(...any) error) (r Run, err error) {
		var started, finished sql.NullInt64
		p := &r.Report
		err = scan(&r.ID, &r.Trigger, &started, &finished, &p.Selected, &p.Sent, &p.Retry, &p.Failed, &p.Held,
			&p.Doubt, &p.Cancelled, &p.Minted, &p.Outage, &r.Error)
		r.StartedAt, r.FinishedAt = at(started), at(finished)
		if finished.Valid {
			p.DurationMS = max(0, r.FinishedAt.Sub(r.StartedAt).Milliseconds()) // the clock may have gone back
		}
		return r, err
	}, `SELECT id, trigger, started_at, finished_at, selected, sent, retry, failed, held, doubt, cancelled, minted, outage, error
		FROM runs ORDER BY id DESC LIMIT ?`, n)
}
