package postgres

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// ErrTooOld says that a newer alta has changed the ledger so that this one must not
// work on it any more.
var ErrTooOld = errors.New("the ledger was changed by a newer alta; upgrade this one")

// settledTogether bounds the orphans that one transaction settles.
const settledTogether = 300

// lives is the condition that the machine of a row lives; $1 is the time.
func lives(row string) string {
	return `EXISTS (SELECT 1 FROM machines m WHERE m.id = ` + row + `.machine_id AND NOT m.away AND m.seen_at + m.lease >= $1)`
}

// waits is the condition that River will still give the job of a row to a machine,
// or has just done so. A machine looks at a job as soon as it has it. One that ended
// in between leaves a job that River takes for running, and so does one that never
// heard that it got it. River's times are by the server's own clock.
func waits(row string) string {
	return `EXISTS (SELECT 1 FROM river_job j WHERE j.id = ` + row + `.job_id
		AND (j.state IN ('available', 'retryable', 'scheduled', 'pending') OR j.state = 'running' AND EXISTS (
			SELECT 1 FROM machines m WHERE m.name = j.attempted_by[array_upper(j.attempted_by, 1)]
				AND NOT m.away AND m.seen_at + m.lease >= $1 AND j.attempted_at + m.lease * interval '1 millisecond' > pg_catalog.now())))`
}

// forsaken is the condition that nobody has a row in hand, nor will. However well
// its machine is, it does nothing for a job that River has given up.
func forsaken(row string) string {
	return `CASE WHEN ` + row + `.machine_id IS NULL THEN NOT ` + waits(row) + ` ELSE NOT ` + lives(row) + ` OR ` + row + `.job_id IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM river_job j WHERE j.id = ` + row + `.job_id
			AND j.state IN ('available', 'running', 'retryable', 'scheduled', 'pending')) END`
}

// orphan is the condition that nobody has the delivery d in hand, nor will.
func orphan() string {
	return `d.state IN ('claimed', 'sending') AND ` + forsaken("d")
}

// Recover settles what owners left behind that are gone: a machine that has not been
// seen for the length of its lease, a job that River has given up. Any machine may
// call it at any time; what each settles the others pass over, and an owner that
// wakes up after all can write nothing any more. It returns how many deliveries
// were only claimed, and how many were on the wire.
func (s *Store) Recover(ctx context.Context, now time.Time, judge store.JudgeOrphan) (returned, doubted int, err error) {
	return s.RecoverAfter(ctx, now, 0, judge)
}

// RecoverAfter is Recover, but takes a machine for gone only when it has not been
// seen for so much longer than its lease. Whoever could not see the machines beat
// for a while does not know whether they could.
func (s *Store) RecoverAfter(ctx context.Context, now time.Time, grace time.Duration, judge store.JudgeOrphan) (returned, doubted int, err error) {
	seen := now.Add(-grace)
	defer func() {
		if err != nil {
			err = fmt.Errorf("recover what others left behind: %w", err)
		}
	}()
	if err := s.loseMachines(ctx, seen); err != nil {
		return 0, 0, err
	}
	for last, more := int64(0), true; more; {
		var claimed, sending int
		if claimed, sending, last, err = s.recover(ctx, last, seen, now, judge); err != nil {
			return returned, doubted, err
		}
		returned, doubted, more = returned+claimed, doubted+sending, last != 0
	}
	return returned, doubted, s.closeRuns(ctx, seen, now)
}

// loseMachines marks the machines that are gone, so that they know when they come
// back.
func (s *Store) loseMachines(ctx context.Context, now time.Time) error {
	return s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.maySettle(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE machines SET away = true WHERE NOT away AND seen_at + lease < $1`, now.UnixMilli())
		return err
	})
}

// maySettle refuses a ledger that a newer alta, or another key, has made another
// one since this alta opened it.
func (s *Store) maySettle(ctx context.Context, q querier) error {
	var floor int64
	var digest []byte
	if err := q.QueryRow(ctx, `SELECT floor, (SELECT digest FROM data_key) FROM ledger`).Scan(&floor, &digest); err != nil {
		return fmt.Errorf("look at the ledger: %w", err)
	}
	known, err := newestVersion()
	if err != nil {
		return err
	}
	if floor > known {
		return fmt.Errorf("%w: it takes version %d of the schema, and this one knows only %d", ErrTooOld, floor, known)
	}
	if key := s.key.Load(); key != nil && digest != nil && subtle.ConstantTimeCompare(digest, key.Digest()) != 1 {
		return fmt.Errorf("%w; if it was changed since this alta started, start it again", store.ErrWrongKey)
	}
	return nil
}

// recover settles the first orphans behind the given one. last is the one that it
// looked at last, 0 when none is left.
func (s *Store) recover(ctx context.Context, behind int64, seen, now time.Time, judge store.JudgeOrphan) (returned, doubted int, last int64, err error) {
	err = s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		returned, doubted, last = 0, 0, 0
		if err := s.maySettle(ctx, tx); err != nil {
			return err
		}
		found, err := column[int64](ctx, tx, `WITH d AS MATERIALIZED (SELECT id, state, machine_id, job_id FROM deliveries WHERE run_id IS NOT NULL AND id > $2)
			SELECT d.id FROM d WHERE `+orphan()+` ORDER BY d.id LIMIT $3`,
			seen.UnixMilli(), behind, settledTogether)
		if err != nil || len(found) == 0 {
			return err
		}
		last = found[len(found)-1]
		begun, err := s.takeOrphans(ctx, tx, found, seen)
		if err != nil || len(begun) == 0 {
			return err
		}
		orphans, err := s.whole(tx.Query(ctx, wholeDeliveries, slices.Collect(maps.Keys(begun))))
		if err != nil {
			return err
		}
		items := make([]*recording, len(orphans))
		for i, d := range orphans {
			items[i] = &recording{write: write{id: d.ID, claim: d.Claim}, d: d, v: judge(&orphans[i], begun[d.ID]), now: now}
			if begun[d.ID] {
				doubted++
			} else {
				returned++
			}
		}
		if err := record(ctx, tx, items); err != nil {
			return err
		}
		for _, r := range items {
			if !r.done {
				return fmt.Errorf("settle delivery %d: %w", r.id, errNotOurs)
			}
		}
		return nil
	})
	return returned, doubted, last, err
}

// takeOrphans locks those that are orphans still and gives each a new claim, which
// shuts its old owner out. It returns their ids, and whether the mail may have left. The users are locked first, as everybody does.
func (s *Store) takeOrphans(ctx context.Context, tx pgx.Tx, found []int64, seen time.Time) (begun map[int64]bool, err error) {
	// One that somebody has locked for long must not keep the others waiting.
	if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', '5s', true)`); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, lockForWriting, found); err != nil {
		return nil, err
	}
	begun = map[int64]bool{}
	rows, err := tx.Query(ctx, `UPDATE deliveries o SET claim = nextval('claims')
		FROM unnest($2::bigint[]) AS f (id)
		CROSS JOIN LATERAL (SELECT d.id FROM deliveries d WHERE d.id = f.id AND `+orphan()+` FOR UPDATE SKIP LOCKED) lost
		WHERE o.id = lost.id RETURNING o.id, o.state = 'sending'`, seen.UnixMilli(), found)
	if err != nil {
		return nil, err
	}
	var id int64
	var sending bool
	_, err = pgx.ForEachRow(rows, []any{&id, &sending}, func() error { begun[id] = sending; return nil })
	return begun, err
}

// closeRuns ends the runs that nobody goes on with, with what its machines counted.
func (s *Store) closeRuns(ctx context.Context, seen, now time.Time) error {
	return s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		runs, err := column[int64](ctx, tx, `SELECT r.id FROM runs r
			WHERE r.finished_at IS NULL AND NOT `+waits("r")+` AND NOT `+lives("r")+` FOR UPDATE SKIP LOCKED`, seen.UnixMilli())
		if err != nil || len(runs) == 0 {
			return err
		}
		// Nobody knows how much of an approval a run that died has used up.
		if _, err := tx.Exec(ctx, `UPDATE approval SET mails = 0 WHERE taken`); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE runs r SET finished_at = $2, error = 'the process ended before the run did',
				selected = c.selected, sent = c.sent, retry = c.retry, failed = c.failed, held = c.held, doubt = c.doubt,
				cancelled = c.cancelled, minted = c.minted, outage = c.outage
			FROM unnest($1::bigint[]) AS ended (id) CROSS JOIN LATERAL (SELECT
				coalesce(sum(selected), 0) AS selected, coalesce(sum(sent), 0) AS sent, coalesce(sum(retry), 0) AS retry,
				coalesce(sum(failed), 0) AS failed, coalesce(sum(held), 0) AS held, coalesce(sum(doubt), 0) AS doubt,
				coalesce(sum(cancelled), 0) AS cancelled, coalesce(sum(minted), 0) AS minted, coalesce(max(outage), '') AS outage
				FROM run_counts WHERE run_id = ended.id) c
			WHERE r.id = ended.id`, runs, now.UnixMilli())
		return err
	})
}
