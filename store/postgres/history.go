package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// Deliveries returns a user's deliveries with their attempts, oldest first.
func (s *Store) Deliveries(ctx context.Context, user string) (ds []store.DeliveryRecord, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT d.id, d.step, d.round, d.state, d.due_at, d.operator, d.code, d.reason,
				d.message_id, d.receipt, d.updated_at, l.issued_at, l.expires_at, coalesce(l.superseded_at, 0) > 0
			FROM deliveries d JOIN users u ON u.key = d.user_key LEFT JOIN links l ON l.id = d.link_id
			WHERE u.id = $1 ORDER BY d.id`, user)
		if ds, err = collect(rows, err, readDeliveryRecord); err != nil {
			return err
		}
		return addAttempts(ctx, tx, ds)
	})
	if err != nil {
		return nil, fmt.Errorf("read the deliveries of user %s: %w", user, err)
	}
	return ds, nil
}

// addAttempts fills in what was tried for each of the deliveries.
func addAttempts(ctx context.Context, tx pgx.Tx, ds []store.DeliveryRecord) error {
	ids, of := make([]int64, len(ds)), map[int64]*store.DeliveryRecord{}
	for i := range ds {
		ids[i], of[ds[i].ID] = ds[i].ID, &ds[i]
	}
	rows, err := tx.Query(ctx, `SELECT delivery_id, at, outcome, code, reason, reply FROM attempts WHERE delivery_id = ANY($1) ORDER BY id`, ids)
	_, err = collect(rows, err, func(rows pgx.Rows) (a store.AttemptRecord, err error) {
		var when *int64
		var delivery int64
		if err := rows.Scan(&delivery, &when, &a.Outcome, &a.Code, &a.Reason, &a.Reply); err != nil {
			return a, err
		}
		a.At = at(when)
		of[delivery].Attempts = append(of[delivery].Attempts, a)
		return a, nil
	})
	return err
}

func readDeliveryRecord(rows pgx.Rows) (d store.DeliveryRecord, err error) {
	var due, updated, issued, expires *int64
	err = rows.Scan(&d.ID, &d.Step, &d.Round, &d.State, &due, &d.Operator, &d.Code, &d.Reason,
		&d.MessageID, &d.Receipt, &updated, &issued, &expires, &d.Link.Superseded)
	d.DueAt, d.UpdatedAt = at(due), at(updated)
	d.Link.IssuedAt = at(issued)
	if expires != nil {
		d.Link.ExpiresAt = store.ExpiresAt(*expires)
	}
	return d, err
}
