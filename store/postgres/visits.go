package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// CountVisits adds what came to lasting links, and notes when a user first showed
// interest. Visits of links that are gone are dropped.
func (s *Store) CountVisits(ctx context.Context, visits []pipeline.Visit) error {
	if len(visits) == 0 {
		return nil
	}
	links := each(visits, func(v pipeline.Visit) int64 { return v.LinkID })
	times := each(visits, func(v pipeline.Visit) int64 { return v.At.UnixMilli() })
	interest := each(visits, func(v pipeline.Visit) bool { return store.ShowsInterest(v.Kind) })
	err := s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// The users first, in one order, as everybody does; then the rows in theirs.
		if _, err := tx.Exec(ctx, openUsers, links, times, interest); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, addVisits, links,
			each(visits, func(v pipeline.Visit) string { return string(v.Kind) }),
			each(visits, func(v pipeline.Visit) int64 { return store.HourOf(v.At).UnixMilli() }),
			each(visits, func(v pipeline.Visit) int { return v.N }), times)
		return err
	})
	if err != nil {
		return fmt.Errorf("count visits: %w", err)
	}
	return nil
}

const (
	openUsers = `UPDATE users u SET opened_at = o.at FROM (
			SELECT key, (SELECT min(v.at) FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS v (link, at, interest)
					JOIN links l ON l.id = v.link WHERE v.interest AND l.user_key = users.key) AS at
			FROM users WHERE opened_at IS NULL AND key IN (SELECT l.user_key FROM unnest($1::bigint[], $3::boolean[]) AS v (link, interest)
				JOIN links l ON l.id = v.link WHERE v.interest)
			ORDER BY key FOR NO KEY UPDATE) o
		WHERE u.key = o.key AND u.opened_at IS NULL`
	addVisits = `INSERT INTO visits AS o (link_id, kind, hour, n, first_at, last_at)
		SELECT v.link, v.kind, v.hour, sum(v.n), min(v.at), max(v.at)
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[]) AS v (link, kind, hour, n, at)
		JOIN links l ON l.id = v.link
		GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
		ON CONFLICT (link_id, kind, hour) DO UPDATE SET n = o.n + excluded.n,
			first_at = least(o.first_at, excluded.first_at), last_at = greatest(o.last_at, excluded.last_at)`
)

const visitsQuery = `SELECT v.kind, v.hour, v.n, v.first_at, v.last_at, coalesce(d.step, ''), coalesce(d.round, 0)
	FROM users u JOIN links l ON l.user_key = u.key JOIN visits v ON v.link_id = l.id
	LEFT JOIN deliveries d ON d.user_key = u.key AND d.link_id = l.id
	WHERE u.id = $1 ORDER BY v.hour, v.first_at, v.id`

// Visits returns what came to the links of a user's mails, oldest hour first.
func (s *Store) Visits(ctx context.Context, user string) ([]store.VisitRecord, error) {
	rows, err := s.pool.Query(ctx, visitsQuery, user)
	all, err := collect(rows, err, func(rows pgx.Rows) (r store.VisitRecord, err error) {
		var hour, first, last int64
		err = rows.Scan(&r.Kind, &hour, &r.N, &first, &last, &r.Step, &r.Round)
		r.Hour, r.FirstAt, r.LastAt = time.UnixMilli(hour).UTC(), time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what came to the links of user %s: %w", user, err)
	}
	return all, nil
}
