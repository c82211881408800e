package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// StartSession decides what whoever asks gets. Those who ask at the same time, on
// whichever machines, wait for the lock on the user, so that one of them mints. It
// implements [pipeline.Sessions].
func (s *Store) StartSession(ctx context.Context, who pipeline.Holder, r pipeline.SessionRules, now time.Time) (o pipeline.Opening, err error) {
	key := s.key.Load()
	if key == nil {
		return pipeline.Opening{}, errNoKey
	}
	err = s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		facts, user, err := sessionFacts(ctx, tx, key, who, now)
		if err != nil {
			return err
		}
		if facts.Lapsed(now) {
			_, err := tx.Exec(ctx, `UPDATE sessions SET state = 'failed', doubtful = true WHERE user_key = $1 AND state = 'minting'`, user)
			if err != nil {
				return err
			}
		}
		if o = store.OpenFor(facts, r, now); facts.Clicked(o) {
			return dropWish(ctx, tx, user)
		}
		if o.Kind != pipeline.OpenMint {
			return nil
		}
		var link *int64
		if !facts.App {
			link = &facts.Ticket.LinkID
		}
		return tx.QueryRow(ctx, `INSERT INTO sessions (user_key, link_id, state, began_at, lease_ends, probe) VALUES ($1, $2, 'minting', $3, $4, $5) RETURNING id`,
			user, link, now.UnixMilli(), ceilMS(now.Add(r.Lease)), facts.Probe).Scan(&o.Session)
	})
	if err != nil {
		return pipeline.Opening{}, fmt.Errorf("start a session: %w", err)
	}
	return o, nil
}

const (
	mintsQuery = `SELECT m.began_at FROM users u CROSS JOIN LATERAL (` + sessionMints + ` UNION ALL ` + mailMints + `) m
		WHERE u.key = $1 AND m.began_at > $2`
	openSessionQuery = `SELECT sealed, issued_at, expires_at FROM sessions
		WHERE user_key = $1 AND state = 'open' AND sealed IS NOT NULL ORDER BY expires_at DESC LIMIT 1`
	lapsedQuery = `SELECT id FROM sessions WHERE state = 'minting' AND lease_ends <= $1 ORDER BY id FOR UPDATE SKIP LOCKED`
)

// sessionFacts reads what the ledger knows of whoever asks, and locks the user.
func sessionFacts(ctx context.Context, tx pgx.Tx, key *store.Key, who pipeline.Holder, now time.Time) (f store.SessionFacts, user int64, err error) {
	f.Probe = who.Probe
	if who.Ticket != nil {
		t, err := lockTicket(ctx, tx, *who.Ticket)
		if err != nil {
			return f, 0, err
		}
		f.Ticket, user = t.Ticket, t.row.key
	} else {
		row, err := lockRow(ctx, tx, who.UserID)
		if err != nil {
			return f, 0, err
		}
		f.App, user = true, row.key
		f.Ticket = pipeline.Ticket{User: row.User, Withdrawn: row.Withdrawn}
	}
	minted, err := column[int64](ctx, tx, mintsQuery, user, now.Add(-pipeline.BudgetDay).UnixMilli())
	if err != nil {
		return f, 0, err
	}
	for _, ms := range minted {
		f.Mints = append(f.Mints, time.UnixMilli(ms).UTC())
	}
	f.Open, f.LeaseEnds, err = openSession(ctx, tx, key, user, f.Ticket.User.ID)
	return f, user, err
}

// openSession returns the link that lives longest of those that were minted for the
// user and not wiped, and until when another one may be minted.
func openSession(ctx context.Context, tx pgx.Tx, key *store.Key, user int64, id string) (open pipeline.Link, lease time.Time, err error) {
	var ends *int64
	if err := tx.QueryRow(ctx, `SELECT max(lease_ends) FROM sessions WHERE user_key = $1 AND state = 'minting'`, user).Scan(&ends); err != nil {
		return open, lease, err
	}
	var sealed []byte
	var issued, expires *int64
	err = tx.QueryRow(ctx, openSessionQuery, user).Scan(&sealed, &issued, &expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return open, at(ends), nil
	}
	return pipeline.Link{URL: key.Open(sealed, id), IssuedAt: at(issued), ExpiresAt: at(expires)}, at(ends), err
}

// FinishSession commits the link of a session. It implements [pipeline.Sessions].
func (s *Store) FinishSession(ctx context.Context, session int64, l pipeline.Link) error {
	key := s.key.Load()
	if key == nil {
		return errNoKey
	}
	fingerprint := key.Fingerprint(l.URL)
	var user string
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := lockHolder(ctx, tx, session)
		if err != nil {
			return err
		}
		user = row.ID
		err = one(tx.Exec(ctx, `UPDATE sessions SET state = 'open', sealed = $2, fingerprint = $3, issued_at = $4, expires_at = $5
			WHERE id = $1 AND state = 'minting'`, session, key.Seal(l.URL, user), fingerprint, l.IssuedAt.UnixMilli(), l.ExpiresAt.UnixMilli()))
		if errors.Is(err, errNotOurs) {
			return store.LateSession(row.Status)
		}
		if err != nil {
			return err
		}
		// Whoever was led to it by a click needs no mail any more.
		_, err = tx.Exec(ctx, `UPDATE askers SET asked_at = NULL
			WHERE user_key = (SELECT user_key FROM sessions WHERE id = $1 AND link_id IS NOT NULL AND NOT probe)`, session)
		return err
	})
	if broke(err, "links_have_one_user") {
		return s.sharedLink(ctx, fingerprint, user, l.IssuedAt)
	}
	if err != nil {
		return fmt.Errorf("finish session %d: %w", session, err)
	}
	return nil
}

// lockHolder locks the user of a session.
func lockHolder(ctx context.Context, tx pgx.Tx, session int64) (keyedRow, error) {
	found, err := userRows(ctx, tx, `WHERE u.key = (SELECT user_key FROM sessions WHERE id = $1) FOR NO KEY UPDATE`, session)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return keyedRow{}, err
	}
	return found[0], nil
}

// GiveUpSession ends a session for which nothing was minted, or nobody knows. Of one
// that was ended meanwhile whoever mints knows best whether it is in doubt. It
// implements [pipeline.Sessions].
func (s *Store) GiveUpSession(ctx context.Context, session int64, doubtful bool, _ time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := lockHolder(ctx, tx, session); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE sessions SET state = 'failed', doubtful = $2 WHERE id = $1 AND state <> 'open'`, session, doubtful)
		return err
	})
	if err != nil {
		return fmt.Errorf("give session %d up: %w", session, err)
	}
	return nil
}

// SessionsOf returns the sessions of a user, oldest first, without their links.
func (s *Store) SessionsOf(ctx context.Context, user string) ([]store.SessionRecord, error) {
	rows, err := s.pool.Query(ctx, `SELECT CASE WHEN s.probe THEN $4 WHEN s.link_id IS NULL THEN $2 ELSE $3 END, s.began_at, s.state, s.lease_ends, s.issued_at, s.expires_at, s.doubtful
		FROM sessions s JOIN users u ON u.key = s.user_key WHERE u.id = $1 ORDER BY s.id`, user, store.ByApp, store.ByClick, store.ByProbe)
	all, err := collect(rows, err, func(rows pgx.Rows) (r store.SessionRecord, err error) {
		var began, lease, issued, expires *int64
		err = rows.Scan(&r.AskedBy, &began, &r.State, &lease, &issued, &expires, &r.Doubtful)
		r.AskedAt, r.LeaseEnds, r.IssuedAt, r.ExpiresAt = at(began), at(lease), at(issued), at(expires)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the sessions of user %s: %w", user, err)
	}
	return all, nil
}

// lapseSessions notes that nobody knows what came of the mints whose lease is over.
// Who finishes one at this moment goes first.
func (s *Store) lapseSessions(ctx context.Context, now time.Time) error {
	return s.indexed(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE sessions SET state = 'failed', doubtful = true WHERE id IN (`+lapsedQuery+`)`, now.UnixMilli())
		return err
	})
}

// endSessions wipes the sessions of users who may have none any more, nor ask for one.
func endSessions(ctx context.Context, tx pgx.Tx, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM askers WHERE user_key = ANY($1)`, users); err != nil {
		return fmt.Errorf("forget what users asked for: %w", err)
	}
	return closeSessions(ctx, tx, users)
}

// closeSessions wipes the sessions of users. One that is being minted comes too late.
func closeSessions(ctx context.Context, tx pgx.Tx, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE sessions SET sealed = NULL, doubtful = doubtful OR state = 'minting',
			state = CASE state WHEN 'minting' THEN 'failed' ELSE state END
		WHERE user_key = ANY($1) AND (sealed IS NOT NULL OR state = 'minting')`, users)
	if err != nil {
		return fmt.Errorf("close the sessions of users: %w", err)
	}
	return nil
}
