package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// AskLater notes that the user of the ticket wants to be mailed when the partner API
// is back. Asking again changes nothing. It wraps [ErrNotFound] when nobody has the
// ticket, and returns a [pipeline.Fault] for one that is not alive.
func (s *Store) AskLater(ctx context.Context, digest pipeline.TicketDigest, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		t, _, err := findTicket(tx, digest)
		if err != nil {
			return err
		}
		if !t.Alive() {
			return Closed(t.User.Status)
		}
		_, err = tx.Exec(`INSERT INTO askers (user_key, link_id, asked_at) SELECT user_key, id, ? FROM links WHERE id = ?
			ON CONFLICT DO NOTHING`, ms(now), t.LinkID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note who wants a mail later: %w", err)
	}
	return nil
}

// Askers returns up to n users who want to be mailed, the oldest wish first.
func (s *Store) Askers(ctx context.Context, n int) ([]pipeline.User, error) {
	all, err := userRows(boundTo(ctx, s.reads), `askers a CROSS JOIN users u ON u.key = a.user_key ORDER BY a.asked_at, a.user_key LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("read who wants a mail: %w", err)
	}
	users := make([]pipeline.User, len(all))
	for i, r := range all {
		users[i] = r.User
	}
	return users, nil
}

// AnswerAsker ends a user's wish to be mailed. If the user may be mailed and no mail
// is on its way, one is due at once, at any hour and within the plan's gap; that is
// audited as the user's own act.
func (s *Store) AnswerAsker(ctx context.Context, user string, now time.Time) (queued bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		queued = false
		result, err := tx.Exec(`DELETE FROM askers WHERE user_key = (SELECT key FROM users WHERE id = ?)`, user)
		if err := one(result, err); err != nil {
			if errors.Is(err, errNotOurs) { // nobody asked
				return nil
			}
			return err
		}
		row, err := findRow(tx, user)
		if err != nil || !row.MayMail(true) {
			return err
		}
		queued, err = mailNow(tx, row, pipeline.ResendStep(row.History), replacement{"the user asked for a mail", true}, now)
		if err != nil || !queued {
			return err
		}
		return addAudit(tx, Act{Actor: TheUser}, "ask_later", user, string(pipeline.ResendStep(row.History)), now)
	})
	if err != nil {
		return false, fmt.Errorf("answer user %s, who wants a mail: %w", user, err)
	}
	return queued, nil
}
