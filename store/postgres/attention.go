package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// attentionGroups finds the first, the latest and the one to show by the index, so
// that it costs the same however many users are in a group.
const attentionGroups = `SELECT c.state, c.code, c.country, c.users,
		(SELECT min(a.since) FROM attention a WHERE a.state = c.state AND a.code = c.code AND a.country = c.country),
		l.since, u.id, d.reason
	FROM (SELECT state, code, country, sum(users)::bigint AS users FROM attention_counts GROUP BY 1, 2, 3 HAVING sum(users) > 0 OFFSET 0) c
	CROSS JOIN LATERAL (SELECT a.user_key, a.delivery_id, a.since FROM attention a
		WHERE a.state = c.state AND a.code = c.code AND a.country = c.country ORDER BY a.since DESC LIMIT 1) l
	JOIN users u ON u.key = l.user_key
	JOIN deliveries d ON d.id = l.delivery_id`

// Attention returns what waits for a person, by its cause, the largest group first.
func (s *Store) Attention(ctx context.Context) (groups []store.AttentionGroup, err error) {
	err = s.lookIndexed(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, attentionGroups)
		groups, err = collect(rows, err, func(rows pgx.Rows) (g store.AttentionGroup, err error) {
			var first, latest *int64
			err = rows.Scan(&g.State, &g.Code, &g.Country, &g.Users, &first, &latest, &g.UserID, &g.Reason)
			g.First, g.Latest = at(first), at(latest)
			return g, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits for a person: %w", err)
	}
	store.SortGroups(groups)
	return groups, nil
}

const attentionPage = `SELECT ` + recordColumns + `, d.id, d.step, d.round, d.attempts, d.reason, a.since
	FROM attention a JOIN users u ON u.key = a.user_key JOIN deliveries d ON d.id = a.delivery_id
	WHERE a.state = $1 AND a.code = $2 AND a.country = $3 AND a.user_key > $4 ORDER BY a.user_key LIMIT $5`

// AttentionPage returns up to n users who wait for that cause, in the order in which
// they were added, from behind the one with the key after on.
func (s *Store) AttentionPage(ctx context.Context, c store.Cause, after int64, n int) (page []store.AttentionRecord, err error) {
	err = s.lookIndexed(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, attentionPage, c.State, c.Code, c.Country, after, n)
		page, err = collect(rows, err, func(rows pgx.Rows) (a store.AttentionRecord, err error) {
			var since *int64
			a.User, err = readUserRecord(rows, &a.Delivery, &a.Step, &a.Round, &a.Attempts, &a.Reason, &since)
			a.Since = at(since)
			return a, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who waits for a person: %w", err)
	}
	return page, nil
}
