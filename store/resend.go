package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// Selection says whom a resend is for. Its fields add up: a user must match
// every one that is set.
type Selection struct {
	UserIDs []string
	Country pipeline.Country
	Expired bool // the link in the latest mail has expired
	Failed  bool // the latest delivery failed, or is held, though not by an operator
	Doubt   bool // a delivery is in doubt and waits for an operator
}

// Select returns the users that match, in the order in which they were added.
// Users whom no mail may go out to match only when they are named.
func (s *Store) Select(ctx context.Context, sel Selection, now time.Time) ([]UserRecord, error) {
	if len(sel.UserIDs) > 0 {
		var all []UserRecord
		for _, id := range sel.UserIDs {
			r, err := s.Find(ctx, id)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return all, nil
	}
	where, args := `WHERE u.status = 'pending' AND u.withdrawn = 0`, []any{}
	if sel.Country != "" {
		where, args = where+` AND u.country = ?`, append(args, sel.Country)
	}
	if sel.Expired {
		where, args = where+` AND u.mails > 0 AND u.link_expires_at <= ?`, append(args, ms(now))
	}
	if sel.Failed {
		where += ` AND (SELECT d.state = 'failed' OR d.state = 'held' AND d.code <> '` + OperatorHold + `' FROM deliveries d WHERE d.user_key = u.key ORDER BY d.id DESC LIMIT 1)`
	}
	if sel.Doubt {
		where += ` AND EXISTS (SELECT 1 FROM deliveries d WHERE d.user_key = u.key AND d.state = 'doubt')`
	}
	found, err := userRecords(boundTo(ctx, s.reads), where+` ORDER BY u.key`, args...)
	if err != nil {
		return nil, fmt.Errorf("select users: %w", err)
	}
	return found, nil
}

// Resend makes a mail due at once for the user, in place of whatever waited: a
// mail in doubt goes out again as the same message, anything else gives way to
// a new mail of the given step, which the database lets go within the plan's
// least gap only when it is forced. It returns why not when the user can't be
// mailed, and audits the act when it is done.
func (s *Store) Resend(ctx context.Context, id string, step pipeline.Step, force bool, by Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		row, err := findRow(tx, id)
		if err != nil {
			return err
		}
		if whyNot = Refusal(row); whyNot != "" {
			return nil
		}
		done, err := mailNow(tx, row, step, replacement{"an operator sent again by hand", force}, now)
		if err != nil {
			return err
		}
		if !done {
			whyNot = OnItsWay
			return nil
		}
		return addAudit(tx, by, "resend", id, string(step), now)
	})
	if err != nil {
		return "", fmt.Errorf("resend to user %s: %w", id, err)
	}
	return whyNot, nil
}

// Invite makes the first mail to the user due at once, as one that an operator asked
// for, who may mail at any hour. It returns why not, as [InviteRefusal] has it, and
// audits what it does.
func (s *Store) Invite(ctx context.Context, id string, by Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		row, err := findRow(tx, id)
		if err != nil {
			return err
		}
		open, repeat, err := openState(tx, id)
		if err != nil {
			return err
		}
		if whyNot = InviteRefusal(row, open, repeat); whyNot != "" {
			return nil
		}
		done, err := mailNow(tx, row, pipeline.Invite, replacement{invitedNow, false}, now)
		if err != nil {
			return err
		}
		if !done {
			whyNot = OnItsWay
			return nil
		}
		return addAudit(tx, by, "resend", id, string(pipeline.Invite), now)
	})
	if err != nil {
		return "", fmt.Errorf("invite user %s: %w", id, err)
	}
	return whyNot, nil
}

// invitedNow is why the plan's first mail gave way.
const invitedNow = "the user was invited at once"

// replacement is why a mail takes the place of what waited, and whether it may go
// within the plan's least gap.
type replacement struct {
	reason string
	forced bool
}

// mailNow makes a mail due at once, unless one is on its way.
func mailNow(tx *sql.Tx, row UserRow, step pipeline.Step, why replacement, now time.Time) (done bool, err error) {
	open, repeat, err := openState(tx, row.ID)
	if err != nil {
		return false, err
	}
	switch {
	case open == pipeline.Claimed, open == pipeline.Sending:
		return false, nil
	case open == pipeline.InDoubt, repeat:
		return true, reopenDoubt(tx, row.ID, now)
	}
	return true, replace(tx, row, step, why, now)
}

// openState returns the state of the user's open delivery, "" for none, and
// whether it is a mail in doubt that is due again, or would be if no operator held it.
func openState(tx *sql.Tx, id string) (state pipeline.State, repeat bool, err error) {
	err = tx.QueryRow(`SELECT d.state, d.repeat AND (d.state = 'due' OR d.state = 'held' AND d.code = '`+OperatorHold+`') FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE u.id = ? AND d.ended_at IS NULL`, id).Scan(&state, &repeat)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return state, repeat, err
}

func reopenDoubt(tx *sql.Tx, id string, now time.Time) error {
	_, err := tx.Exec(`UPDATE deliveries SET state = 'due', due_at = ?, operator = 1, repeat = 1, doubts = 0, updated_at = ?
		WHERE (state = 'doubt' OR repeat = 1 AND (state = 'due' OR state = 'held' AND code = '`+OperatorHold+`')) AND user_key = (SELECT key FROM users WHERE id = ?)`, ms(now), ms(now), id)
	return err
}

func replace(tx *sql.Tx, row UserRow, step pipeline.Step, why replacement, now time.Time) error {
	if _, err := tx.Exec(`UPDATE deliveries SET state = 'cancelled', ended_at = ?, code = 'replaced', reason = ?, updated_at = ?
		WHERE state IN ('due', 'held') AND user_key = (SELECT key FROM users WHERE id = ?)`, ms(now), why.reason, ms(now), row.ID); err != nil {
		return err
	}
	if row.AddressBad {
		if _, err := tx.Exec(`UPDATE users SET address_bad = 0, updated_at = ? WHERE id = ?`, ms(now), row.ID); err != nil {
			return err
		}
	}
	if err := insertNext(tx, row.ID, pipeline.Next{Step: step, DueAt: now, Operator: true}, now); err != nil || !why.forced {
		return err
	}
	_, err := tx.Exec(`UPDATE deliveries SET forced = 1 WHERE state = 'due' AND user_key = (SELECT key FROM users WHERE id = ?)`, row.ID)
	return err
}

// OperatorDue tells whether something that an operator asked for is due and not
// paused. Probing what is paused is left to the schedule.
func (s *Store) OperatorDue(ctx context.Context, now time.Time) (bool, error) {
	var due bool
	err := s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries d
		WHERE state = 'due' AND operator = 1 AND due_at <= ?
			AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.country = '' OR (p.country = d.country AND p.type = d.type)))`, now.UnixMilli()).Scan(&due)
	return due, err
}
