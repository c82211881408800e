package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// News takes in what the partner says of the user with that external id, and
// returns what came of it. However often and in whatever order it comes, and however
// many bring it at once, it has one effect. What can't be told of a user is kept for
// an operator.
func (s *Store) News(ctx context.Context, n pipeline.News, plan store.Planner, now time.Time) (effect pipeline.Effect, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		// Two are enough to know that it is not one.
		found, err := userRows(ctx, tx, `WHERE u.external_id = $1 AND u.external_id <> '' ORDER BY u.key LIMIT 2 FOR NO KEY UPDATE`, n.ExternalID)
		if err != nil {
			return err
		}
		effect, err = takeNews(ctx, tx, n, found, plan, now)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("take in news %q: %w", n.Event, err)
	}
	return effect, nil
}

// Tell moves the user's status forward by what the partner API said when it was
// asked; "" is nothing that alta knows a word for. Nothing is noted of a user who was
// erased.
func (s *Store) Tell(ctx context.Context, id string, status pipeline.Status, plan store.Planner, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil || status == "" || row.Status == pipeline.Erased {
			return err
		}
		_, err = takeNews(ctx, tx, pipeline.News{ExternalID: id, Event: store.EventAsked, Status: status}, []keyedRow{row}, plan, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("tell of user %s: %w", id, err)
	}
	return nil
}

// takeNews does what comes of news of users whom the transaction has locked, and
// writes it down.
func takeNews(ctx context.Context, tx pgx.Tx, n pipeline.News, found []keyedRow, plan store.Planner, now time.Time) (pipeline.Effect, error) {
	effect, status := store.EffectOf(n, each(found, func(r keyedRow) store.UserRow { return r.UserRow }))
	if effect == pipeline.Applied {
		row := found[0]
		row.Status = status
		if err := updateUsers(ctx, tx, []change{{found[0], row}}, plan, now); err != nil {
			return "", err
		}
	}
	var user *int64
	if len(found) == 1 {
		user = &found[0].key
	}
	return effect, keepNews(ctx, tx, n, user, effect, now)
}

// keepNews adds the news to what came before of the same kind: what had an effect
// keeps it, and so does what is settled, unless it has one now. What contradicts waits,
// whatever came of the same before.
func keepNews(ctx context.Context, tx pgx.Tx, n pipeline.News, user *int64, effect pipeline.Effect, now time.Time) error {
	var settled *int64
	if store.Settles(effect) {
		settled = ms(now)
	}
	_, err := tx.Exec(ctx, `INSERT INTO news AS o (external_id, event, user_key, effect, n, first_at, last_at, settled_at)
		VALUES ($1, $2, $3, $4, 1, $5, $5, $6)
		ON CONFLICT (external_id, event) DO UPDATE SET n = o.n + 1, last_at = greatest(o.last_at, excluded.last_at),
			user_key = coalesce(excluded.user_key, o.user_key),
			effect = CASE WHEN o.settled_at IS NULL OR excluded.effect IN ('applied', 'contradicts') THEN excluded.effect ELSE o.effect END,
			settled_at = CASE WHEN excluded.effect = 'contradicts' AND o.effect <> 'contradicts' THEN NULL
				ELSE coalesce(o.settled_at, excluded.settled_at) END`,
		text(n.ExternalID), text(n.Event), user, effect, now.UnixMilli(), settled)
	return err
}

// SettleNews notes that an operator has seen to what waited, and audits it. The
// audit log outlives an erasure, so that it does not hold the external id. What does
// not wait is an error that wraps [store.ErrNotFound].
func (s *Store) SettleNews(ctx context.Context, externalID, event string, by store.Act, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		of, err := column[string](ctx, tx, `UPDATE news n SET settled_at = $3 WHERE external_id = $1 AND event = $2 AND settled_at IS NULL
			RETURNING coalesce((SELECT id FROM users WHERE key = n.user_key), '')`, externalID, event, now.UnixMilli())
		if err != nil {
			return err
		}
		if len(of) == 0 {
			return store.ErrNotFound
		}
		return addAudit(ctx, tx, by, "settle_news", of[0], event, now)
	})
	if err != nil {
		return fmt.Errorf("settle news %q: %w", event, err)
	}
	return nil
}

// Inbox returns up to n of the news that wait for an operator, oldest first.
func (s *Store) Inbox(ctx context.Context, n int) ([]store.NewsRecord, error) {
	all, err := s.newsRecords(ctx, inboxFirst, n)
	if err != nil {
		return nil, fmt.Errorf("read the news that wait for an operator: %w", err)
	}
	return all, nil
}

// NewsOf returns the news of a user, oldest first.
func (s *Store) NewsOf(ctx context.Context, user string) ([]store.NewsRecord, error) {
	all, err := s.newsRecords(ctx, newsOfUser, user)
	if err != nil {
		return nil, fmt.Errorf("read the news of user %s: %w", user, err)
	}
	return all, nil
}

const (
	newsQuery = `SELECT n.external_id, n.event, coalesce(u.id, ''), n.effect, n.n, n.first_at, n.last_at, n.settled_at
		FROM news n LEFT JOIN users u ON u.key = n.user_key `
	inboxFirst = `WHERE n.settled_at IS NULL ORDER BY n.first_at, n.id LIMIT $1`
	newsOfUser = `WHERE n.user_key = (SELECT key FROM users WHERE id = $1) ORDER BY n.first_at, n.id`
)

func (s *Store) newsRecords(ctx context.Context, where string, args ...any) ([]store.NewsRecord, error) {
	rows, err := s.pool.Query(ctx, newsQuery+where, args...)
	return collect(rows, err, func(rows pgx.Rows) (r store.NewsRecord, err error) {
		var first, last, settled *int64
		err = rows.Scan(&r.ExternalID, &r.Event, &r.UserID, &r.Effect, &r.N, &first, &last, &settled)
		r.FirstAt, r.LastAt, r.SettledAt = at(first), at(last), at(settled)
		return r, err
	})
}
