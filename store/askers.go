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
// is back. Asking again changes nothing. mostMails is what the plan allows a user. It
// wraps [ErrNotFound] when nobody has the ticket, and returns the [pipeline.Fault] of
// [MayWish].
func (s *Store) AskLater(ctx context.Context, digest pipeline.TicketDigest, mostMails int, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		t, row, err := findTicket(tx, digest)
		if err != nil {
			return err
		}
		trouble, err := inTrouble(tx, row.User, now)
		if err != nil {
			return err
		}
		if err := MayWish(WishFacts{Ticket: t, Trouble: trouble}, mostMails); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO askers (user_key, link_id, asked_at) SELECT user_key, id, ? FROM links WHERE id = ?
			ON CONFLICT (user_key) DO UPDATE SET link_id = excluded.link_id, asked_at = coalesce(asked_at, excluded.asked_at)`, ms(now), t.LinkID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note who wants a mail later: %w", err)
	}
	return nil
}

// inTrouble tells whether a session failed lately that the same call serves as the
// user's, or the user's own takes long.
func inTrouble(tx *sql.Tx, u pipeline.User, now time.Time) (trouble bool, err error) {
	err = tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM sessions s CROSS JOIN users u ON u.key = s.user_key
			WHERE s.state = 'failed' AND s.began_at > ?1 AND u.country = ?2 AND u.type = ?3)
		OR EXISTS (SELECT 1 FROM users u CROSS JOIN sessions s ON s.user_key = u.key WHERE u.id = ?4 AND s.state = 'minting')`,
		now.Add(-TroubleFor).UnixMilli(), u.Country, u.Type, u.ID).Scan(&trouble)
	return trouble, err
}

// Askers returns up to n users who want to be mailed and may be by now, the oldest
// wish first.
func (s *Store) Askers(ctx context.Context, n int, now time.Time) ([]Wisher, error) {
	all, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (w Wisher, err error) {
		var h pipeline.History
		dest, finish := userDest(&w.User, &h)
		var token []byte
		if err := scan(append(dest, &token)...); err != nil {
			return w, err
		}
		finish()
		digest, err := digestOf(token)
		if err == nil {
			w.Ticket = *digest
		}
		return w, err
	}, `SELECT `+userColumns+`, l.token FROM askers a CROSS JOIN users u ON u.key = a.user_key JOIN links l ON l.id = a.link_id
		WHERE a.asked_at IS NOT NULL AND (a.answered_at IS NULL OR a.answered_at <= ?) AND l.token IS NOT NULL
		ORDER BY a.asked_at, a.user_key LIMIT ?`, now.Add(-WishDay).UnixMilli(), n)
	if err != nil {
		return nil, fmt.Errorf("read who wants a mail: %w", err)
	}
	return all, nil
}

// AnswerAsker ends a user's wish to be mailed. If the user may be mailed, and has had
// less than mostMails and no such answer within [WishDay], and no mail is on its way or
// held by an operator, one is due at once, at any hour and within the plan's gap; that is audited as the
// user's own act.
func (s *Store) AnswerAsker(ctx context.Context, user string, mostMails int, now time.Time) (queued bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		queued = false
		result, err := tx.Exec(`UPDATE askers SET asked_at = NULL WHERE user_key = (SELECT key FROM users WHERE id = ?)
			AND asked_at IS NOT NULL AND (answered_at IS NULL OR answered_at <= ?)`, user, now.Add(-WishDay).UnixMilli())
		if err := one(result, err); err != nil {
			if errors.Is(err, errNotOurs) { // nobody asked
				return nil
			}
			return err
		}
		row, err := findRow(tx, user)
		if err != nil || !MayAnswer(row, mostMails) {
			return err
		}
		open, err := openOf(tx, user)
		if err != nil || open.MayRelease() == "" { // an operator's hold is above the wish
			return err
		}
		step := pipeline.ResendStep(row.History)
		if queued, err = mailNow(tx, row, step, replacement{"the user asked for a mail", true}, now); err != nil || !queued {
			return err
		}
		if _, err := tx.Exec(`UPDATE askers SET answered_at = ? WHERE user_key = (SELECT key FROM users WHERE id = ?)`, ms(now), user); err != nil {
			return err
		}
		return addAudit(tx, Act{Actor: TheUser}, "ask_later", user, string(step), now)
	})
	if err != nil {
		return false, fmt.Errorf("answer user %s, who wants a mail: %w", user, err)
	}
	return queued, nil
}

// DropAsker ends a user's wish to be mailed, unanswered.
func (s *Store) DropAsker(ctx context.Context, user string) error {
	if err := s.write(ctx, func(tx *sql.Tx) error { return dropWish(tx, user) }); err != nil {
		return fmt.Errorf("drop the wish of user %s for a mail: %w", user, err)
	}
	return nil
}

// dropWish keeps when the latest wish was answered.
func dropWish(tx *sql.Tx, user string) error {
	_, err := tx.Exec(`UPDATE askers SET asked_at = NULL WHERE user_key = (SELECT key FROM users WHERE id = ?)`, user)
	return err
}
