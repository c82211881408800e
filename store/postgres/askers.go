package postgres

import (
	"context"
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
