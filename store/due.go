package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"alta/pipeline"
)

// countDue counts what is due at now. What is put off is not looked at, so that
// it costs the same however much of that there is.
func countDue(tx *sql.Tx, now time.Time) ([]DueLane, error) {
	return dueLanes(tx, now, MinuteOf(now)+1)
}

// countQueue counts what is put off as well: a row for each minute to come in
// which something falls due.
func countQueue(tx *sql.Tx, now time.Time) ([]DueLane, error) {
	return dueLanes(tx, now, math.MaxInt64/keysInMinute)
}

// keysInMinute is by how much the keys of queue_counts grow with the minute.
const keysInMinute = 128

// dueLanes reads what the ledger has counted in each minute before end. Only
// within the minute of now does it look at deliveries, and there only where some
// have come due and others have not.
func dueLanes(tx *sql.Tx, now time.Time, end int64) ([]DueLane, error) {
	this := MinuteOf(now)
	var within []int
	// The key is that of the table, taken apart as the view queue does, which here
	// would take it apart for each of many rows.
	all, err := rows(tx, func(scan func(...any) error) (l DueLane, err error) {
		var here int
		err = scan(&l.Country, &l.Type, &l.Operator, &l.Now, &here, &l.Later, &l.Retries)
		within = append(within, here)
		return l, err
	}, `SELECT CASE lane / 4 WHEN 0 THEN 'MX' ELSE 'DO' END, CASE lane / 2 % 2 WHEN 0 THEN 'INDIVIDUAL' ELSE 'BUSINESS' END, lane % 2,
			before, here, later, retries
		FROM (SELECT key % 8 AS lane, sum(CASE WHEN key / 128 < ?1 THEN deliveries ELSE 0 END) AS before,
				sum(CASE WHEN key / 128 = ?1 THEN deliveries ELSE 0 END) AS here,
				sum(CASE WHEN key / 128 > ?1 THEN deliveries ELSE 0 END) AS later, sum(retries) AS retries
			FROM queue_counts WHERE key < ?2 AND key / 8 % 4 = 0 GROUP BY lane)`, this, end*keysInMinute)
	if err != nil {
		return nil, err
	}
	for i := range all {
		l := &all[i]
		if within[i] == 0 {
			continue
		}
		come, err := comeDue(tx, *l, within[i], now)
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
func comeDue(tx *sql.Tx, l DueLane, n int, now time.Time) (come int, err error) {
	const inMinute = ` FROM deliveries WHERE state = 'due' AND country = ? AND type = ? AND operator = ? AND due_at >= ? AND due_at < ?`
	ask := func(what string, until int64) (v int64, err error) {
		err = tx.QueryRow(`SELECT `+what+inMinute, l.Country, l.Type, l.Operator, StartOf(MinuteOf(now)), until).Scan(&v)
		return v, err
	}
	end := StartOf(MinuteOf(now) + 1)
	if first, err := ask(`coalesce(min(due_at), 0)`, end); err != nil || first > now.UnixMilli() {
		return 0, err
	}
	if last, err := ask(`coalesce(max(due_at), 0)`, end); err != nil || last <= now.UnixMilli() {
		return n, err
	}
	count, err := ask(`count(*)`, now.UnixMilli()+1)
	return int(count), err
}

// dueTimes returns the earliest due time up to now and the earliest after it, by
// a step into the index for each lane.
func dueTimes(tx *sql.Tx, now time.Time) (oldest, next time.Time, err error) {
	var first, ahead sql.NullInt64
	find := func(which string, min *sql.NullInt64) error {
		return tx.QueryRow(`SELECT min(due_at) FROM (`+eachLane(`SELECT min(due_at) AS due_at FROM deliveries
			WHERE state = 'due' AND country = %s AND type = %s AND operator = %d AND due_at `+which+` ?1`)+`)`, now.UnixMilli()).Scan(min)
	}
	if err = find(`<=`, &first); err == nil {
		err = find(`>`, &ahead)
	}
	return at(first), at(ahead), err
}

// eachLane repeats a query for every country, type and operator, so that each
// part follows the index of what is due.
func eachLane(query string) string {
	var parts []string
	for _, operator := range []int{1, 0} {
		for _, l := range lanes() {
			parts = append(parts, fmt.Sprintf(query, "'"+string(l.country)+"'", "'"+string(l.kind)+"'", operator))
		}
	}
	return strings.Join(parts, "\nUNION ALL ")
}

// Due returns up to n deliveries that a run at now would take, without taking
// them; n <= 0 is all. What is paused is left out.
func (s *Store) Due(ctx context.Context, now time.Time, n int) ([]pipeline.Delivery, error) {
	if n <= 0 {
		n = -1
	}
	// The first n of each lane hold the first n of all.
	candidates := eachLane(`SELECT * FROM (SELECT id, operator, due_at FROM deliveries d
			WHERE state = 'due' AND country = %s AND type = %s AND operator = %d AND due_at <= ?1
				AND NOT EXISTS (SELECT 1 FROM pauses p
					WHERE (p.country = '' OR (p.country = d.country AND p.type = d.type)) AND p.probe_at > ?1 AND p.probe_at <= ?2)
			ORDER BY due_at, id LIMIT ?3)`)
	ds, err := deliveries(boundTo(ctx, s.reads), nil, `WHERE d.id IN (SELECT id FROM (`+candidates+`) ORDER BY operator DESC, due_at, id LIMIT ?3)
		ORDER BY d.operator DESC, d.due_at, d.id`, now.UnixMilli(), now.Add(pipeline.LongestPause).UnixMilli(), n)
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	return ds, nil
}

// CountDue returns how many deliveries are due at now.
func (s *Store) CountDue(ctx context.Context, now time.Time) (n int, err error) {
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("count what is due: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	waiting, err := countDue(tx, now)
	for _, l := range waiting {
		n += l.Now
	}
	if err != nil {
		return 0, fmt.Errorf("count what is due: %w", err)
	}
	return n, nil
}
