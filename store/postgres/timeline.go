package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// Timeline returns all that is known of a user in the order of time, the oldest
// first: the latest [store.MostMoments]. A user whom nobody knows is an error that
// wraps [store.ErrNotFound].
func (s *Store) Timeline(ctx context.Context, user string) ([]store.Moment, error) {
	life, err := s.life(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("read the timeline of user %s: %w", user, err)
	}
	return life.Moments(), nil
}

func (s *Store) life(ctx context.Context, user string) (l store.Life, err error) {
	found, err := userRecords(ctx, s.pool, `WHERE u.id = $1`, user)
	if err != nil {
		return l, err
	}
	if len(found) == 0 {
		return l, store.ErrNotFound
	}
	l.User = found[0]
	if l.Deliveries, err = s.Deliveries(ctx, user); err != nil {
		return l, err
	}
	if l.Links, err = linksOf(ctx, s.pool, l.User.Key); err != nil {
		return l, err
	}
	if l.Audit, err = s.Audit(ctx, user); err != nil {
		return l, err
	}
	if l.Visits, err = s.Visits(ctx, user); err != nil {
		return l, err
	}
	if l.Sessions, err = s.SessionsOf(ctx, user); err != nil {
		return l, err
	}
	l.News, err = s.NewsOf(ctx, user)
	return l, err
}

// linksOf are the latest links that were minted for a user's mails, one for each
// moment that a timeline can have.
func linksOf(ctx context.Context, q querier, user int64) ([]store.LinkRecord, error) {
	rows, err := q.Query(ctx, `SELECT issued_at, expires_at, superseded_at IS NOT NULL FROM links WHERE user_key = $1 ORDER BY id DESC LIMIT $2`, user, store.MostMoments)
	return collect(rows, err, func(rows pgx.Rows) (l store.LinkRecord, err error) {
		var issued *int64
		var expires int64
		err = rows.Scan(&issued, &expires, &l.Superseded)
		l.IssuedAt, l.ExpiresAt = at(issued), store.ExpiresAt(expires)
		return l, err
	})
}
