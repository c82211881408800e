package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

func addAudit(ctx context.Context, tx pgx.Tx, by store.Act, action, user, detail string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, actor, action, user_id, detail) VALUES ($1, $2, $3, $4, $5)`,
		now.UnixMilli(), text(by.Actor), action, user, text(by.Detail(detail)))
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// Audit returns what was done by hand to a user, oldest first.
func (s *Store) Audit(ctx context.Context, user string) ([]store.AuditEntry, error) {
	rows, err := s.pool.Query(ctx, `SELECT at, actor, action, user_id, detail FROM audit WHERE user_id = $1 ORDER BY id`, user)
	return collect(rows, err, func(rows pgx.Rows) (e store.AuditEntry, err error) {
		var when *int64
		err = rows.Scan(&when, &e.Actor, &e.Action, &e.UserID, &e.Detail)
		e.At = at(when)
		return e, err
	})
}
