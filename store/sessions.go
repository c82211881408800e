package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// SessionState is how far a session has come.
type SessionState string

// The states of a session. One that is still being minted when its lease is over
// has failed, and is in doubt.
const (
	SessionMinting SessionState = "minting"
	SessionOpen    SessionState = "open" // its link was minted
	SessionFailed  SessionState = "failed"
)

// Who asks for a session.
const (
	ByClick = "click" // whoever opened the link of a mail
	ByApp   = "app"   // a partner's app
	ByProbe = "probe" // alta itself, for a user who asked for a mail, to see whether the partner API is back
)

// SessionRecord is a session as an operator sees it, without its link.
type SessionRecord struct {
	AskedBy   string // [ByClick], [ByApp] or [ByProbe]
	AskedAt   time.Time
	State     SessionState
	LeaseEnds time.Time // until when whoever mints may take
	IssuedAt  time.Time // zero unless the link was minted
	ExpiresAt time.Time
	Doubtful  bool // the mint may have opened a session that nobody got
}

// StartSession implements [pipeline.Sessions]. It wraps [ErrNotFound] when nobody has
// the ticket, or the id.
func (s *Store) StartSession(ctx context.Context, who pipeline.Holder, r pipeline.SessionRules, now time.Time) (o pipeline.Opening, err error) {
	key := s.key.Load()
	if key == nil {
		return o, errNoKey
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		f, err := sessionFacts(tx, key, who)
		if err != nil {
			return err
		}
		if f.Lapsed(now) {
			if _, err := tx.Exec(`UPDATE sessions SET state = 'failed', doubtful = 1
				WHERE state = 'minting' AND user_key = (SELECT key FROM users WHERE id = ?)`, f.Ticket.User.ID); err != nil {
				return err
			}
		}
		if o = OpenFor(f, r, now); f.Clicked(o) {
			return dropWish(tx, o.User.ID)
		}
		if o.Kind != pipeline.OpenMint {
			return nil
		}
		o.Session, err = insertSession(tx, f, now, now.Add(r.Lease))
		return err
	})
	if err != nil {
		return pipeline.Opening{}, fmt.Errorf("start a session: %w", err)
	}
	return o, nil
}

// FinishSession implements [pipeline.Sessions]. The link of a session that ended
// meanwhile, or that another user has, is kept for nobody.
func (s *Store) FinishSession(ctx context.Context, session int64, l pipeline.Link) error {
	key := s.key.Load()
	if key == nil {
		return errNoKey
	}
	fingerprint := key.Fingerprint(l.URL)
	err := s.write(ctx, func(tx *sql.Tx) error {
		user, state, err := sessionOf(tx, session)
		if err != nil {
			return err
		}
		if state != SessionMinting {
			return LateSession(user.Status)
		}
		_, err = tx.Exec(`UPDATE OR FAIL sessions SET state = 'open', sealed = ?, fingerprint = ?, issued_at = ?, expires_at = ? WHERE id = ?`,
			key.Seal(l.URL, user.ID), fingerprint, ms(l.IssuedAt), ms(l.ExpiresAt), session)
		if broke(err, "sessions_have_one_user") {
			return sharedLink(tx, fingerprint, user.ID)
		}
		if err != nil {
			return err
		}
		// Whoever was led to it by a click needs no mail any more.
		_, err = tx.Exec(`UPDATE askers SET asked_at = NULL
			WHERE user_key = (SELECT user_key FROM sessions WHERE id = ? AND link_id IS NOT NULL AND probe = 0)`, session)
		return err
	})
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Code == CodeSharedLink {
		return errors.Join(f, s.forget(ctx, fingerprint, l.IssuedAt))
	}
	if err != nil {
		return fmt.Errorf("finish session %d: %w", session, err)
	}
	return nil
}

// GiveUpSession implements [pipeline.Sessions]. An open session stays as it is. Of one
// that was ended meanwhile whoever mints knows best whether it is in doubt.
func (s *Store) GiveUpSession(ctx context.Context, session int64, doubtful bool, _ time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, _, err := sessionOf(tx, session); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE sessions SET state = 'failed', doubtful = ? WHERE id = ? AND state <> 'open'`, doubtful, session)
		return err
	})
	if err != nil {
		return fmt.Errorf("give session %d up: %w", session, err)
	}
	return nil
}

// SessionsOf returns a user's sessions, oldest first.
func (s *Store) SessionsOf(ctx context.Context, user string) ([]SessionRecord, error) {
	all, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (r SessionRecord, err error) {
		var asked, lease, issued, expires sql.NullInt64
		err = scan(&r.AskedBy, &asked, &r.State, &lease, &issued, &expires, &r.Doubtful)
		r.AskedAt, r.LeaseEnds, r.IssuedAt, r.ExpiresAt = at(asked), at(lease), at(issued), at(expires)
		return r, err
	}, `SELECT CASE WHEN s.probe = 1 THEN '`+ByProbe+`' WHEN s.link_id IS NULL THEN '`+ByApp+`' ELSE '`+ByClick+`' END, s.began_at, s.state, s.lease_ends, s.issued_at, s.expires_at, s.doubtful
		FROM sessions s JOIN users u ON u.key = s.user_key WHERE u.id = ? ORDER BY s.id`, user)
	if err != nil {
		return nil, fmt.Errorf("read the sessions of user %s: %w", user, err)
	}
	return all, nil
}

func sessionFacts(tx *sql.Tx, key *Key, who pipeline.Holder) (f SessionFacts, err error) {
	f.Probe = who.Probe
	if f.App = who.Ticket == nil; f.App {
		row, err := findRow(tx, who.UserID)
		if err != nil {
			return f, err
		}
		f.Ticket.User, f.Ticket.Withdrawn = row.User, row.Withdrawn
	} else if f.Ticket, _, err = findTicket(tx, *who.Ticket); err != nil {
		return f, err
	}
	user := f.Ticket.User.ID
	links, err := rows(tx, func(scan func(...any) error) (l pipeline.Link, err error) {
		var sealed []byte
		var issued, expires sql.NullInt64
		err = scan(&sealed, &issued, &expires)
		return pipeline.Link{URL: key.Open(sealed, user), IssuedAt: at(issued), ExpiresAt: at(expires)}, err
	}, `SELECT s.sealed, s.issued_at, s.expires_at FROM users u CROSS JOIN sessions s ON s.user_key = u.key
		WHERE u.id = ? AND +s.sealed IS NOT NULL ORDER BY s.expires_at DESC LIMIT 1`, user)
	if err != nil {
		return f, err
	}
	if len(links) > 0 {
		f.Open = links[0]
	}
	leases, err := column[int64](tx, `SELECT s.lease_ends FROM sessions s JOIN users u ON u.key = s.user_key
		WHERE u.id = ? AND s.state = 'minting'`, user)
	if err != nil {
		return f, err
	}
	for _, ends := range leases { // one at most
		f.LeaseEnds = time.UnixMilli(ends).UTC()
	}
	var minted string
	if err := tx.QueryRow(`SELECT (SELECT json_group_array(at) FROM (`+mintTimes+`))
		FROM (SELECT key AS user_key FROM users WHERE id = ?) d`, user).Scan(&minted); err != nil {
		return f, err
	}
	f.Mints, err = instants(minted)
	return f, err
}

func insertSession(tx *sql.Tx, f SessionFacts, now, lease time.Time) (id int64, err error) {
	var link any
	if !f.App {
		link = f.Ticket.LinkID
	}
	result, err := tx.Exec(`INSERT INTO sessions (user_key, link_id, state, began_at, lease_ends, probe)
		SELECT key, ?, 'minting', ?, ?, ? FROM users WHERE id = ?`, link, ms(now), ceilMS(lease), f.Probe, f.Ticket.User.ID)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// sessionOf returns the user and the state of a session.
func sessionOf(tx *sql.Tx, session int64) (u pipeline.User, state SessionState, err error) {
	err = tx.QueryRow(`SELECT u.id, u.status, s.state FROM sessions s JOIN users u ON u.key = s.user_key WHERE s.id = ?`, session).
		Scan(&u.ID, &u.Status, &state)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return u, state, err
}

// wipeSessions wipes what a user's sessions open. One that is being minted this
// moment has failed: whatever it will open is of no use.
func wipeSessions(tx *sql.Tx, user string) error {
	_, err := tx.Exec(`UPDATE sessions SET sealed = NULL, doubtful = doubtful OR state = 'minting',
			state = CASE state WHEN 'minting' THEN 'failed' ELSE state END
		WHERE user_key = (SELECT key FROM users WHERE id = ?) AND (sealed IS NOT NULL OR state = 'minting')`, user)
	return err
}
