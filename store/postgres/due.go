package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// everyLane is what a query joins to find something in each lane by the index of
// what is due, apart by whether an operator asked for it.
const everyLane = `(VALUES ('MX', 'INDIVIDUAL', true), ('DO', 'INDIVIDUAL', true), ('MX', 'BUSINESS', true), ('DO', 'BUSINESS', true),
	('MX', 'INDIVIDUAL', false), ('DO', 'INDIVIDUAL', false), ('MX', 'BUSINESS', false), ('DO', 'BUSINESS', false)) AS lane (country, type, operator)`

// The queries of what is due. Each follows the index deliveries_due, so that it
// costs the same however many deliveries there are.
const (
	// The first n of each lane hold the first n of all. LIMIT NULL is no limit.
	dueQuery = `WHERE d.id IN (SELECT few.id FROM ` + everyLane + ` CROSS JOIN LATERAL (
			SELECT w.id, w.operator, w.due_at FROM deliveries w
			WHERE w.waiting AND w.country = lane.country AND w.type = lane.type AND w.operator = lane.operator AND w.due_at <= $1
			ORDER BY w.due_at, w.id LIMIT $3) few
		WHERE NOT EXISTS (SELECT 1 FROM pauses p
			WHERE (p.country = '' OR (p.country = lane.country AND p.type = lane.type)) AND p.probe_at > $1 AND p.probe_at <= $2)
		ORDER BY few.operator DESC, few.due_at, few.id LIMIT $3)
		ORDER BY d.operator DESC, d.due_at, d.id`
	dueTimesQuery = `SELECT min(first.at), min(ahead.at) FROM ` + everyLane + `
		CROSS JOIN LATERAL (SELECT min(due_at) AS at FROM deliveries d
			WHERE d.waiting AND d.country = lane.country AND d.type = lane.type AND d.operator = lane.operator AND d.due_at <= $1) first
		CROSS JOIN LATERAL (SELECT min(due_at) AS at FROM deliveries d
			WHERE d.waiting AND d.country = lane.country AND d.type = lane.type AND d.operator = lane.operator AND d.due_at > $1) ahead`
	// Within one minute, of one lane.
	inMinute        = ` FROM deliveries WHERE waiting AND country = $1 AND type = $2 AND operator = $3 AND due_at >= $4 AND due_at < $5`
	firstInMinute   = `SELECT coalesce(min(due_at), 0)` + inMinute
	lastInMinute    = `SELECT coalesce(max(due_at), 0)` + inMinute
	countInMinute   = `SELECT count(*)` + inMinute
	operatorDueLook = `SELECT EXISTS (SELECT 1 FROM ` + everyLane + ` WHERE lane.operator
		AND EXISTS (SELECT 1 FROM deliveries d
			WHERE d.waiting AND d.country = lane.country AND d.type = lane.type AND d.operator = lane.operator AND d.due_at <= $1)
		AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.country = '' OR (p.country = lane.country AND p.type = lane.type)))`
)

// countDue counts what is due at now. What is put off is not looked at, so that
// it costs the same however much of that there is.
func countDue(ctx context.Context, tx pgx.Tx, now time.Time) ([]store.DueLane, error) {
	return dueLanes(ctx, tx, now, store.MinuteOf(now)+1)
}

// countQueue counts what is put off as well.
func countQueue(ctx context.Context, tx pgx.Tx, now time.Time) ([]store.DueLane, error) {
	return dueLanes(ctx, tx, now, math.MaxInt64)
}

// dueLanes sums up what the ledger has counted in each minute before end. Only
// within the minute of now does it look at deliveries, and there only where some
// have come due and others have not.
func dueLanes(ctx context.Context, tx pgx.Tx, now time.Time, end int64) ([]store.DueLane, error) {
	var within []int
	rows, err := tx.Query(ctx, `SELECT country, type, operator, coalesce(sum(deliveries) FILTER (WHERE minute < $1), 0)::bigint,
			coalesce(sum(deliveries) FILTER (WHERE minute = $1), 0)::bigint, coalesce(sum(deliveries) FILTER (WHERE minute > $1), 0)::bigint,
			sum(retries)::bigint
		FROM queue_counts WHERE state = 'due' AND minute < $2 GROUP BY 1, 2, 3`, store.MinuteOf(now), end)
	all, err := collect(rows, err, func(rows pgx.Rows) (l store.DueLane, err error) {
		var here int
		err = rows.Scan(&l.Country, &l.Type, &l.Operator, &l.Now, &here, &l.Later, &l.Retries)
		within = append(within, here)
		return l, err
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		l := &all[i]
		if within[i] == 0 {
			continue
		}
		come, err := comeDue(ctx, tx, *l, within[i], now)
		if err != nil {
			return nil, err
		}
		l.Now += come
		l.Later += within[i] - come
	}
	return all, nil
}

// comeDue counts those of the lane's n in the minute of now that are due. Many can
// share one moment, so that it asks for the first and the last before it counts.
func comeDue(ctx context.Context, tx pgx.Tx, l store.DueLane, n int, now time.Time) (come int, err error) {
	this := store.MinuteOf(now)
	ask := func(query string, until int64) (v int64, err error) {
		err = tx.QueryRow(ctx, query, l.Country, l.Type, l.Operator, store.StartOf(this), until).Scan(&v)
		return v, err
	}
	if first, err := ask(firstInMinute, store.StartOf(this+1)); err != nil || first > now.UnixMilli() {
		return 0, err
	}
	if last, err := ask(lastInMinute, store.StartOf(this+1)); err != nil || last <= now.UnixMilli() {
		return n, err
	}
	count, err := ask(countInMinute, now.UnixMilli()+1)
	return int(count), err
}

// dueTimes returns the earliest due time up to now and the earliest after it, by
// a step into the index for each lane.
func dueTimes(ctx context.Context, tx pgx.Tx, now time.Time) (oldest, next time.Time, err error) {
	var first, ahead *int64
	err = tx.QueryRow(ctx, dueTimesQuery, now.UnixMilli()).Scan(&first, &ahead)
	return at(first), at(ahead), err
}

// Due returns up to n deliveries that a run at now would take, without taking
// them; n <= 0 is all. What is paused is left out.
func (s *Store) Due(ctx context.Context, now time.Time, n int) ([]pipeline.Delivery, error) {
	var most *int
	if n > 0 {
		most = &n
	}
	ds, err := deliveries(ctx, s.pool, nil, dueQuery, now.UnixMilli(), now.Add(pipeline.LongestPause).UnixMilli(), most)
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	return ds, nil
}

// CountDue returns how many deliveries are due at now.
func (s *Store) CountDue(ctx context.Context, now time.Time) (n int, err error) {
	var waiting []store.DueLane
	err = s.look(ctx, func(tx pgx.Tx) error { waiting, err = countDue(ctx, tx, now); return err })
	if err != nil {
		return 0, fmt.Errorf("count what is due: %w", err)
	}
	for _, l := range waiting {
		n += l.Now
	}
	return n, nil
}

// OperatorDue tells whether something that an operator asked for is due and not
// paused. Probing what is paused is left to the schedule.
func (s *Store) OperatorDue(ctx context.Context, now time.Time) (due bool, err error) {
	err = s.pool.QueryRow(ctx, operatorDueLook, now.UnixMilli()).Scan(&due)
	return due, err
}
