package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// OperatorHold is the code of a mail that an operator holds.
const OperatorHold = "operator_hold"

// Why a mail is not held, or not released.
const (
	NothingDue   = "no mail to the user is due"
	HeldAlready  = "the next mail to the user is held by an operator already"
	WaitsAlready = "the mail to the user waits for an operator as it is"
	NotHeld      = "no mail to the user is held by an operator"
)

// OpenDelivery is the delivery that is owed to a user or under way, if there is one.
type OpenDelivery struct {
	ID    int64
	State pipeline.State // "" for none
	Code  string
	Step  pipeline.Step
	Round int
}

// MayHold says why an operator can't hold the delivery, "" when that is possible.
func (o OpenDelivery) MayHold() string {
	switch o.State {
	case pipeline.Due:
		return ""
	case pipeline.Claimed, pipeline.Sending:
		return OnItsWay
	case pipeline.Held:
		if o.Code == OperatorHold {
			return HeldAlready
		}
		return WaitsAlready
	case pipeline.InDoubt:
		return WaitsAlready
	}
	return NothingDue
}

// MayRelease says why there is nothing to release, "" when there is.
func (o OpenDelivery) MayRelease() string {
	if o.State == pipeline.Held && o.Code == OperatorHold {
		return ""
	}
	return NotHeld
}

// Name is how the audit log calls the mail.
func (o OpenDelivery) Name() string { return fmt.Sprintf("%s %d", o.Step, o.Round) }

// HeldBecause is the reason that is stored with a mail that an operator holds.
func HeldBecause(by Act) string { return "an operator holds it: " + by.Reason }

// Hold keeps back the mail that is due to the user, now or later: nothing goes out
// until [Store.Unhold] or [Store.Resend]. It returns why not when no mail can be
// held, and audits the act when it is done.
func (s *Store) Hold(ctx context.Context, id string, by Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		open, err := openOf(tx, id)
		if err != nil {
			return err
		}
		if whyNot = open.MayHold(); whyNot != "" {
			return nil
		}
		// It has not ended: the column is written for the trigger that waits for it.
		if _, err := tx.Exec(`UPDATE deliveries SET state = 'held', ended_at = NULL, code = ?, reason = ?, updated_at = ? WHERE id = ?`,
			OperatorHold, plain(HeldBecause(by)), ms(now), open.ID); err != nil {
			return err
		}
		return addAudit(tx, by, "hold", id, open.Name(), now)
	})
	if err != nil {
		return "", fmt.Errorf("hold the mail to user %s: %w", id, err)
	}
	return whyNot, nil
}

// Unhold makes due again, at the time that it had, what [Store.Hold] kept back. It
// returns why not when nothing is, and audits the act when it is done.
func (s *Store) Unhold(ctx context.Context, id string, by Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		open, err := openOf(tx, id)
		if err != nil {
			return err
		}
		if whyNot = open.MayRelease(); whyNot != "" {
			return nil
		}
		if _, err := tx.Exec(`UPDATE deliveries SET state = 'due', ended_at = NULL, code = '', reason = '', updated_at = ? WHERE id = ?`, ms(now), open.ID); err != nil {
			return err
		}
		return addAudit(tx, by, "release", id, open.Name(), now)
	})
	if err != nil {
		return "", fmt.Errorf("release the mail to user %s: %w", id, err)
	}
	return whyNot, nil
}

// openOf returns the open delivery of a user whom the ledger knows.
func openOf(tx *sql.Tx, id string) (OpenDelivery, error) {
	if _, err := findRow(tx, id); err != nil {
		return OpenDelivery{}, err
	}
	found, err := rows(tx, func(scan func(...any) error) (o OpenDelivery, err error) {
		return o, scan(&o.ID, &o.State, &o.Code, &o.Step, &o.Round)
	}, `SELECT d.id, d.state, d.code, d.step, d.round FROM deliveries d JOIN users u ON u.key = d.user_key WHERE u.id = ? AND d.ended_at IS NULL`, id)
	if err != nil || len(found) == 0 {
		return OpenDelivery{}, err
	}
	return found[0], nil
}
