package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// TheUser is the [Act.Actor] of what a user does by a link in a mail.
const TheUser = "the user"

// EndsWith tells what ends when a user's status changes: the links that wait to be
// mailed, the sessions, and the tickets. A status that stays ends nothing: a user
// who opted out may have what an operator asked for since.
func EndsWith(was, is pipeline.Status) (links, sessions, tickets bool) {
	if was == is {
		return false, false, false
	}
	return is != pipeline.Pending, !GoesOn(is), is == pipeline.OptedOut
}

// OptOut ends all mail to the user of the ticket, but for what an operator asks for
// from then on, and audits it as the user's own act. It returns the ticket as it is
// then, and whether anything changed: a user who is done is left as is. It wraps
// [ErrNotFound] when nobody has the ticket.
func (s *Store) OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		found, old, err := findTicket(tx, digest)
		if err != nil {
			return err
		}
		changed = GoesOn(old.Status)
		switch {
		case changed:
			err = optOut(tx, old, now)
		case old.Status == pipeline.OptedOut:
			err = endTickets(tx, old.ID, now)
		default:
			t = found
			return nil
		}
		if err == nil {
			t, _, err = findTicket(tx, digest)
		}
		return err
	})
	if err != nil {
		return pipeline.Ticket{}, false, fmt.Errorf("opt out: %w", err)
	}
	return t, changed, nil
}

func optOut(tx *sql.Tx, old UserRow, now time.Time) error {
	row := old
	row.Status = pipeline.OptedOut
	if err := updateUser(tx, old, row, nil, now); err != nil { // which plans nothing for who is not pending
		return err
	}
	return addAudit(tx, Act{Actor: TheUser}, "opt_out", old.ID, string(old.Status)+" -> "+string(row.Status), now)
}

// endOf ends what ends with the user's status. What an operator asked for before
// the user opted out counts as nobody's wish any more, so that it is cancelled like
// the rest: at once, or by the run that has it in hand.
func endOf(tx *sql.Tx, was pipeline.Status, row UserRow, now time.Time) error {
	links, sessions, tickets := EndsWith(was, row.Status)
	if links {
		if _, err := tx.Exec(`UPDATE links SET sealed = NULL WHERE user_key = (SELECT key FROM users WHERE id = ?)`, row.ID); err != nil {
			return err
		}
	}
	if sessions {
		if err := wipeSessions(tx, row.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM askers WHERE user_key = (SELECT key FROM users WHERE id = ?)`, row.ID); err != nil {
			return err
		}
	}
	if !tickets {
		return nil
	}
	if _, err := tx.Exec(`UPDATE deliveries SET operator = 0 WHERE user_key = (SELECT key FROM users WHERE id = ?)
		AND ended_at IS NULL AND operator = 1`, row.ID); err != nil {
		return err
	}
	return endTickets(tx, row.ID, now)
}

func endTickets(tx *sql.Tx, user string, now time.Time) error {
	_, err := tx.Exec(`UPDATE links SET dead_at = ? WHERE user_key = (SELECT key FROM users WHERE id = ?)
		AND +token IS NOT NULL AND dead_at IS NULL`, ms(now), user)
	return err
}
