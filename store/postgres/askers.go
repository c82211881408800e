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
// is back. To ask again changes nothing.
func (s *Store) AskLater(ctx context.Context, digest pipeline.TicketDigest, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		t, err := lockTicket(ctx, tx, digest)
		if err != nil {
			return err
		}
		if !t.Alive() {
			return store.Closed(t.User.Status)
		}
		_, err = tx.Exec(ctx, `INSERT INTO askers (user_key, link_id, asked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			t.row.key, t.LinkID, now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("note who asks for a mail: %w", err)
	}
	return nil
}

// Askers returns up to n of those who want to be mailed, who asked first first.
func (s *Store) Askers(ctx context.Context, n int) ([]pipeline.User, error) {
	found, err := userRows(ctx, s.pool, `JOIN askers a ON a.user_key = u.key ORDER BY a.asked_at, a.user_key LIMIT $1`, n)
	if err != nil {
		return nil, fmt.Errorf("read who asks for a mail: %w", err)
	}
	return each(found, func(r keyedRow) pipeline.User { return r.User }), nil
}

// AnswerAsker takes a user off those who ask, and makes a mail due at once in the
// place of whatever waited: it goes at any hour and within the gap, for the user has
// asked for it. A mail that is on its way is the answer already. queued tells whether
// one was made due.
func (s *Store) AnswerAsker(ctx context.Context, user string, now time.Time) (queued bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		queued = false
		row, err := lockRow(ctx, tx, user)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		asked, err := tx.Exec(ctx, `DELETE FROM askers WHERE user_key = $1`, row.key)
		if err != nil || asked.RowsAffected() == 0 || !row.MayMail(true) {
			return err
		}
		step := pipeline.ResendStep(row.History)
		if queued, err = mailNow(ctx, tx, row, step, replacement{"the user asked for a mail", true}, now); err != nil || !queued {
			return err
		}
		return addAudit(ctx, tx, store.Act{Actor: store.TheUser}, "ask_later", user, string(step), now)
	})
	if err != nil {
		return false, fmt.Errorf("answer user %s, who asked for a mail: %w", user, err)
	}
	return queued, nil
}
