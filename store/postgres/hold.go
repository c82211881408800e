package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// Hold keeps back the mail that is due to the user, now or later: nothing goes out
// until [Store.Unhold] or [Store.Resend]. It returns why not when no mail can be
// held, and audits the act when it is done.
func (s *Store) Hold(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		open, err := lockOpen(ctx, tx, id)
		if err != nil {
			return err
		}
		if whyNot = open.MayHold(); whyNot != "" {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'held', code = $2, reason = $3, updated_at = $4 WHERE id = $1`,
			open.ID, store.OperatorHold, text(store.HeldBecause(by)), now.UnixMilli()); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "hold", id, open.Name(), now)
	})
	if err != nil {
		return "", fmt.Errorf("hold the mail to user %s: %w", id, err)
	}
	return whyNot, nil
}

// Unhold makes due again, at the time that it had, what [Store.Hold] kept back. It
// returns why not when nothing is, and audits the act when it is done.
func (s *Store) Unhold(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		open, err := lockOpen(ctx, tx, id)
		if err != nil {
			return err
		}
		if whyNot = open.MayRelease(); whyNot != "" {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'due', code = '', reason = '', updated_at = $2 WHERE id = $1`,
			open.ID, now.UnixMilli()); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "release", id, open.Name(), now)
	})
	if err != nil {
		return "", fmt.Errorf("release the mail to user %s: %w", id, err)
	}
	return whyNot, nil
}

// lockOpen returns the open delivery of a user whom the ledger knows. It stays so
// until the transaction ends: nobody claims or settles it meanwhile.
func lockOpen(ctx context.Context, tx pgx.Tx, id string) (store.OpenDelivery, error) {
	row, err := lockRow(ctx, tx, id)
	if err != nil {
		return store.OpenDelivery{}, err
	}
	rows, err := tx.Query(ctx, `SELECT id, state, code, step, round FROM deliveries WHERE user_key = $1 AND ended_at IS NULL FOR UPDATE`, row.key)
	found, err := collect(rows, err, func(rows pgx.Rows) (o store.OpenDelivery, err error) {
		err = rows.Scan(&o.ID, &o.State, &o.Code, &o.Step, &o.Round)
		return o, err
	})
	if err != nil || len(found) == 0 {
		return store.OpenDelivery{}, err
	}
	return found[0], nil
}
