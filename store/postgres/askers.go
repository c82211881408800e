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

// AskLater notes that whoever has the token wants to be mailed when the partner API
// is back. To ask again changes nothing. mostMails is what the plan allows a user. Its
// error wraps [store.ErrNotFound], or is the [pipeline.Fault] of [store.MayWish].
func (s *Store) AskLater(ctx context.Context, digest pipeline.TicketDigest, mostMails int, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		t, err := lockTicket(ctx, tx, digest)
		if err != nil {
			return err
		}
		facts := store.WishFacts{Ticket: t.Ticket}
		if err := tx.QueryRow(ctx, troubleQuery, t.row.key, now.Add(-store.TroubleFor).UnixMilli(), t.User.Country, t.User.Type).Scan(&facts.Trouble); err != nil {
			return err
		}
		if err := store.MayWish(facts, mostMails); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO askers AS a (user_key, link_id, asked_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_key) DO UPDATE SET link_id = excluded.link_id, asked_at = coalesce(a.asked_at, excluded.asked_at)`,
			t.row.key, t.LinkID, now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("note who asks for a mail: %w", err)
	}
	return nil
}

const (
	// troubleQuery finds a session that failed lately and that the same call serves as
	// the user's, or the user's own while it takes long.
	troubleQuery = `SELECT EXISTS (SELECT 1 FROM sessions WHERE user_key = $1 AND state = 'minting')
		OR EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.key = s.user_key
			WHERE s.state = 'failed' AND s.began_at > $2 AND u.country = $3 AND u.type = $4)`
	askersQuery = `SELECT ` + userColumns + `, l.token FROM askers a JOIN users u ON u.key = a.user_key JOIN links l ON l.id = a.link_id
		WHERE a.asked_at IS NOT NULL AND (a.answered_at IS NULL OR a.answered_at <= $1) AND l.token IS NOT NULL
		ORDER BY a.asked_at, a.user_key LIMIT $2`
)

// Askers returns up to n of those who want to be mailed and may be by now, who asked
// first first.
func (s *Store) Askers(ctx context.Context, n int, now time.Time) ([]store.Wisher, error) {
	rows, err := s.pool.Query(ctx, askersQuery, now.Add(-store.WishDay).UnixMilli(), n)
	all, err := collect(rows, err, readWisher)
	if err != nil {
		return nil, fmt.Errorf("read who asks for a mail: %w", err)
	}
	return all, nil
}

func readWisher(rows pgx.Rows) (w store.Wisher, err error) {
	var history pipeline.History
	var token []byte
	dest, finish := userDest(&w.User, &history)
	if err := rows.Scan(append(dest, &token)...); err != nil {
		return w, err
	}
	finish()
	if len(token) != len(w.Ticket) {
		return w, errors.New("the digest of a token has another length")
	}
	w.Ticket = pipeline.TicketDigest(token)
	return w, nil
}

// AnswerAsker takes a user off those who ask, and makes a mail due at once in the
// place of whatever waited, unless the user has had mostMails or such an answer within
// [store.WishDay]: it goes at any hour and within the gap, for the user has asked for
// it. A mail that is on its way is the answer already, and one that an operator
// holds stays held. queued tells whether one was made due.
func (s *Store) AnswerAsker(ctx context.Context, user string, mostMails int, now time.Time) (queued bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		queued = false
		row, err := lockRow(ctx, tx, user)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		asked, err := tx.Exec(ctx, `UPDATE askers SET asked_at = NULL WHERE user_key = $1
			AND asked_at IS NOT NULL AND (answered_at IS NULL OR answered_at <= $2)`, row.key, now.Add(-store.WishDay).UnixMilli())
		if err != nil || asked.RowsAffected() == 0 || !store.MayAnswer(row.UserRow, mostMails) {
			return err
		}
		open, err := lockOpen(ctx, tx, user)
		if err != nil || open.MayRelease() == "" { // an operator's hold is above the wish
			return err
		}
		step := pipeline.ResendStep(row.History)
		if queued, err = mailNow(ctx, tx, row, step, replacement{"the user asked for a mail", true}, now); err != nil || !queued {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE askers SET answered_at = $2 WHERE user_key = $1`, row.key, now.UnixMilli()); err != nil {
			return err
		}
		return addAudit(ctx, tx, store.Act{Actor: store.TheUser}, "ask_later", user, string(step), now)
	})
	if err != nil {
		return false, fmt.Errorf("answer user %s, who asked for a mail: %w", user, err)
	}
	return queued, nil
}

// DropAsker takes a user off those who ask, unanswered.
func (s *Store) DropAsker(ctx context.Context, user string) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, user)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return dropWish(ctx, tx, row.key)
	})
	if err != nil {
		return fmt.Errorf("take user %s off those who ask for a mail: %w", user, err)
	}
	return nil
}

// dropWish keeps when the latest wish was answered.
func dropWish(ctx context.Context, tx pgx.Tx, user int64) error {
	_, err := tx.Exec(ctx, `UPDATE askers SET asked_at = NULL WHERE user_key = $1`, user)
	return err
}
