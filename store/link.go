package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// errNoKey says that the caller forgot [Store.UseKey].
var errNoKey = errors.New("the ledger has not been given its data key")

// Keep makes the delivery's fresh link the user's current one and supersedes
// the others. A link that another user has is mailed to neither from then on: it
// would lead one person into the verification of another. It implements [pipeline.Keeper].
func (q *Queue) Keep(ctx context.Context, d *pipeline.Delivery) error {
	key := q.store.key.Load()
	if key == nil {
		return errNoKey
	}
	sealed := key.Seal(d.Link.URL, d.User.ID)
	var fingerprint []byte // of a lasting link, none: its token is its own, and unique
	if !d.Link.Lasts() {
		fingerprint = key.Fingerprint(d.Link.URL)
	}
	var id int64
	err := q.store.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE OR FAIL links SET superseded_at = ?, sealed = NULL
			WHERE user_key = (SELECT user_key FROM deliveries WHERE id = ?) AND superseded_at IS NULL`,
			ms(d.Link.IssuedAt), d.ID); err != nil {
			return fmt.Errorf("supersede the link of user %s: %w", d.User.ID, err)
		}
		// A link is minted for a country and a type; an import may have changed them,
		// and then nobody is found to give it to. A user who is done meanwhile has no
		// use for a link.
		result, err := tx.Exec(`INSERT OR FAIL INTO links (user_key, sealed, fingerprint, issued_at, expires_at, token) VALUES (
			(SELECT u.key FROM deliveries d JOIN users u ON u.key = d.user_key
				WHERE d.id = CAST(?5 AS INTEGER) AND u.country = CAST(?6 AS TEXT) AND u.type = CAST(?7 AS TEXT)),
			CASE (SELECT u.status = 'pending' OR (u.status = 'opted_out' AND d.operator = 1)
				FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.id = CAST(?5 AS INTEGER)) WHEN 1 THEN ?1 END,
			?2, ?3, ?4, ?8)`,
			sealed, fingerprint, ms(d.Link.IssuedAt), ExpiresMS(d.Link.ExpiresAt), d.ID, d.User.Country, d.User.Type, tokenOf(d.Link))
		switch {
		case broke(err, "links_have_one_user"):
			return sharedLink(tx, fingerprint, d.User.ID)
		case isMissing(err):
			return UserChanged()
		case err != nil:
			return fmt.Errorf("save the link of user %s: %w", d.User.ID, err)
		}
		if id, err = result.LastInsertId(); err != nil {
			return fmt.Errorf("save the link of user %s: %w", d.User.ID, err)
		}
		if err := one(tx.Exec(`UPDATE OR FAIL deliveries SET link_id = ? WHERE id = ? AND state = 'claimed' AND run_id = ?`, id, d.ID, q.run)); err != nil {
			return fmt.Errorf("give delivery %d its link: %w", d.ID, err)
		}
		return nil
	})
	if err == nil {
		d.Link.ID = id // only now: a commit that failed has saved no link
		return nil
	}
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Code == CodeSharedLink {
		err = errors.Join(err, q.store.forget(ctx, fingerprint, d.Link.IssuedAt))
	}
	return refused(err)
}

// forget takes a link away from whoever has it, for good, in a session or in a mail
// that was not sent yet.
func (s *Store) forget(ctx context.Context, fingerprint []byte, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`UPDATE links SET shared = 1, superseded_at = coalesce(superseded_at, ?), sealed = NULL WHERE fingerprint = ?`, ms(now), fingerprint); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE sessions SET shared = 1, sealed = NULL WHERE fingerprint = ?`, fingerprint)
		return err
	})
}

func sharedLink(tx *sql.Tx, fingerprint []byte, user string) error {
	var other string
	err := tx.QueryRow(`SELECT u.id FROM (SELECT user_key FROM links WHERE fingerprint = ?1 UNION ALL SELECT user_key FROM sessions WHERE fingerprint = ?1) h
		JOIN users u ON u.key = h.user_key WHERE u.id <> ?2 LIMIT 1`, fingerprint, user).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		other, err = "one whose mail never came to it", nil
	}
	if err != nil {
		return fmt.Errorf("find the other user of the link: %w", err)
	}
	return SharedLink(other, user)
}

// shredAtOnce bounds the links that one commit shreds.
const shredAtOnce = 1000

// Shred wipes the links that have expired, in mails and of sessions: nobody can use
// them any more. Those of users who are done are wiped when their status changes. It
// notes the sessions whose mint nobody has finished, and drops the counts of nothing
// besides.
func (s *Store) Shred(ctx context.Context, now time.Time) error {
	for _, statement := range []string{
		`UPDATE links SET sealed = NULL
			WHERE id IN (SELECT id FROM links WHERE sealed IS NOT NULL AND expires_at <= ? LIMIT ?)`,
		`UPDATE sessions SET sealed = NULL
			WHERE id IN (SELECT id FROM sessions WHERE sealed IS NOT NULL AND expires_at <= ? LIMIT ?)`,
		`UPDATE sessions SET state = 'failed', doubtful = 1
			WHERE id IN (SELECT id FROM sessions WHERE state = 'minting' AND lease_ends <= ? LIMIT ?)`,
	} {
		if err := s.shred(ctx, statement, now); err != nil {
			return fmt.Errorf("shred expired links: %w", err)
		}
	}
	return s.dropEmptyCounts(ctx)
}

// shred repeats the statement until it changes nothing more.
func (s *Store) shred(ctx context.Context, statement string, now time.Time) error {
	for more := true; more; {
		err := s.write(ctx, func(tx *sql.Tx) error {
			result, err := tx.Exec(statement, now.UnixMilli(), shredAtOnce)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			more = n == shredAtOnce
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
