package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// NewsRecord is one kind of news of one external id, however often it came.
type NewsRecord struct {
	ExternalID string // the Capa user id where alta itself has asked, see [EventAsked]
	Event      string
	UserID     string // "" where nobody is known, or several are
	Effect     pipeline.Effect
	N          int
	FirstAt    time.Time
	LastAt     time.Time
	SettledAt  time.Time // zero while it waits for an operator
}

// EventAsked is the event of news that alta has asked the partner API for.
const EventAsked = "kyc_details"

// EffectOf decides what comes of news of a user: found are those who have the
// external id, of whom two are enough. With [pipeline.Applied], status is what the
// user becomes.
//
// A status moves forward only, so that news which repeats or comes late has no
// effect. Where an operator has moved the user back since, it counts again. The
// other end of a verification that has ended is for an operator to look at.
func EffectOf(n pipeline.News, found []UserRow) (e pipeline.Effect, status pipeline.Status) {
	switch {
	case !tells(n.Status):
		return pipeline.UnknownEvent, ""
	case len(found) == 0:
		return pipeline.UnknownUser, ""
	case len(found) > 1:
		return pipeline.SeveralUsers, ""
	}
	was := found[0].Status
	if status = was.Advance(n.Status); status != was {
		return pipeline.Applied, status
	}
	if was != n.Status && ends(was) && ends(n.Status) {
		return pipeline.Contradicts, ""
	}
	return pipeline.KnownAlready, ""
}

// tells tells whether a partner's word can make a user's status that one.
func tells(s pipeline.Status) bool {
	return s == pipeline.InReview || s == pipeline.Verified || s == pipeline.Rejected
}

// ends tells whether a user of that status has had the end of a verification.
func ends(s pipeline.Status) bool { return s == pipeline.Verified || s == pipeline.Rejected }

// Settles tells whether news of that effect is done with, and waits for nobody.
func Settles(e pipeline.Effect) bool { return e == pipeline.Applied || e == pipeline.KnownAlready }

// News takes in what the partner tells of whoever has the external id, and returns
// what came of it. What could not be applied is kept for an operator.
func (s *Store) News(ctx context.Context, n pipeline.News, plan Planner, now time.Time) (e pipeline.Effect, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		found, err := userRows(tx, `users u WHERE u.external_id = CAST(? AS TEXT) AND u.external_id <> '' LIMIT 2`, n.ExternalID)
		if err != nil {
			return err
		}
		e, err = takeIn(tx, n, found, plan, now)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("take in %s: %w", n.Event, err)
	}
	return e, nil
}

// Tell moves the user's status forward, as the partner's word that alta has asked
// for. No word changes nothing, and nothing is noted of a user who was erased. It wraps [ErrNotFound] when nobody has the id.
func (s *Store) Tell(ctx context.Context, id string, status pipeline.Status, plan Planner, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		row, err := findRow(tx, id)
		if err != nil || status == "" || row.Status == pipeline.Erased {
			return err
		}
		_, err = takeIn(tx, pipeline.News{ExternalID: id, Event: EventAsked, Status: status}, []UserRow{row}, plan, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("tell where user %s stands: %w", id, err)
	}
	return nil
}

// takeIn applies the news to the one user who was found, and keeps it.
func takeIn(tx *sql.Tx, n pipeline.News, found []UserRow, plan Planner, now time.Time) (pipeline.Effect, error) {
	e, status := EffectOf(n, found)
	if e == pipeline.Applied {
		row := found[0]
		row.Status = status
		if err := updateUser(tx, found[0], row, plan, now); err != nil {
			return "", err
		}
	}
	var user, settled any
	if len(found) == 1 {
		user = found[0].ID
	}
	if Settles(e) {
		settled = ms(now)
	}
	// What had an effect keeps it, and so does what is settled, unless it has one now.
	// What contradicts waits, whatever came of the same before.
	_, err := tx.Exec(`INSERT INTO news (external_id, event, user_key, effect, n, first_at, last_at, settled_at)
		VALUES (?1, ?2, (SELECT key FROM users WHERE id = ?3), ?4, 1, ?5, ?5, ?6)
		ON CONFLICT (external_id, event) DO UPDATE SET n = n + 1, last_at = max(last_at, excluded.last_at),
			user_key = coalesce(excluded.user_key, user_key),
			effect = CASE WHEN settled_at IS NULL OR excluded.effect IN ('applied', 'contradicts') THEN excluded.effect ELSE effect END,
			settled_at = CASE WHEN excluded.effect = 'contradicts' AND effect <> 'contradicts' THEN NULL
				ELSE coalesce(settled_at, excluded.settled_at) END`,
		n.ExternalID, n.Event, user, e, ms(now), settled)
	return e, err
}

// Inbox returns up to n news that wait for an operator, oldest first.
func (s *Store) Inbox(ctx context.Context, n int) ([]NewsRecord, error) {
	all, err := newsRecords(boundTo(ctx, s.reads), `WHERE n.settled_at IS NULL ORDER BY n.first_at, n.id LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("read the news that wait: %w", err)
	}
	return all, nil
}

// NewsOf returns what the partner told of a user, oldest first.
func (s *Store) NewsOf(ctx context.Context, user string) ([]NewsRecord, error) {
	all, err := newsRecords(boundTo(ctx, s.reads), `WHERE n.user_key = (SELECT key FROM users WHERE id = ?) ORDER BY n.first_at, n.id`, user)
	if err != nil {
		return nil, fmt.Errorf("read the news of user %s: %w", user, err)
	}
	return all, nil
}

// SettleNews notes that an operator has seen to news that waited, and audits it. The
// audit log outlives an erasure, so that it does not hold the external id. It wraps
// [ErrNotFound] when no such news waits.
func (s *Store) SettleNews(ctx context.Context, externalID, event string, by Act, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		settled, err := column[string](tx, `UPDATE news SET settled_at = ? WHERE external_id = ? AND event = ? AND settled_at IS NULL
			RETURNING coalesce((SELECT id FROM users WHERE key = user_key), '')`, ms(now), externalID, event)
		if err == nil && len(settled) == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return addAudit(tx, by, "settle_news", settled[0], event, now)
	})
	if err != nil {
		return fmt.Errorf("settle news: %w", err)
	}
	return nil
}

// forgetNews forgets what came for the external id of a user who is erased, unless
// another one has the same.
func forgetNews(tx *sql.Tx, u UserRow) error {
	_, err := tx.Exec(`DELETE FROM news WHERE external_id = ?1 AND external_id <> ''
		AND NOT EXISTS (SELECT 1 FROM users u WHERE u.external_id = ?1 AND u.external_id <> '' AND u.id <> ?2)`, u.ExternalID, u.ID)
	return err
}

func newsRecords(q querier, where string, args ...any) ([]NewsRecord, error) {
	return rows(q, func(scan func(...any) error) (r NewsRecord, err error) {
		var first, last, settled sql.NullInt64
		err = scan(&r.ExternalID, &r.Event, &r.UserID, &r.Effect, &r.N, &first, &last, &settled)
		r.FirstAt, r.LastAt, r.SettledAt = at(first), at(last), at(settled)
		return r, err
	}, `SELECT n.external_id, n.event, coalesce(u.id, ''), n.effect, n.n, n.first_at, n.last_at, n.settled_at
		FROM news n LEFT JOIN users u ON u.key = n.user_key `+where, args...)
}
