package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Timeline returns all that is known of a user in the order of time, the oldest
// first: the latest [MostMoments]. A user whom nobody knows is an error that wraps
// [ErrNotFound].
func (s *Store) Timeline(ctx context.Context, user string) ([]Moment, error) {
	life, err := s.life(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("read the timeline of user %s: %w", user, err)
	}
	return life.Moments(), nil
}

func (s *Store) life(ctx context.Context, user string) (l Life, err error) {
	q := boundTo(ctx, s.reads)
	found, err := userRecords(q, `WHERE u.id = ?`, user)
	if err != nil {
		return l, err
	}
	if len(found) == 0 {
		return l, ErrNotFound
	}
	l.User = found[0]
	if l.Deliveries, err = s.Deliveries(ctx, user); err != nil {
		return l, err
	}
	if l.Links, err = linksOf(q, l.User.Key); err != nil {
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
func linksOf(q querier, user int64) ([]LinkRecord, error) {
	return rows(q, func(scan func(...any) error) (l LinkRecord, err error) {
		var issued sql.NullInt64
		var expires int64
		err = scan(&issued, &expires, &l.Superseded)
		l.IssuedAt, l.ExpiresAt = at(issued), ExpiresAt(expires)
		return l, err
	}, `SELECT issued_at, expires_at, superseded_at IS NOT NULL FROM links WHERE user_key = ? ORDER BY id DESC LIMIT ?`, user, MostMoments)
}
