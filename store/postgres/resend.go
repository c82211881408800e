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

// Select returns the users that match, in the order in which they were added.
// Users whom no mail may go out to match only when they are named.
func (s *Store) Select(ctx context.Context, sel store.Selection, now time.Time) ([]store.UserRecord, error) {
	if len(sel.UserIDs) > 0 {
		var all []store.UserRecord
		for _, id := range sel.UserIDs {
			r, err := s.Find(ctx, id)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return all, nil
	}
	found, err := userRecords(ctx, s.pool, `WHERE u.status = 'pending' AND NOT u.withdrawn
			AND ($1 = '' OR u.country = $1)
			AND (NOT $2 OR u.mails > 0 AND u.link_expires_at <= $3)
			AND (NOT $4 OR (SELECT d.state = 'failed' OR d.state = 'held' AND d.code <> '`+store.OperatorHold+`' FROM deliveries d WHERE d.user_key = u.key ORDER BY d.id DESC LIMIT 1))
			AND (NOT $5 OR EXISTS (SELECT 1 FROM deliveries d WHERE d.user_key = u.key AND d.ended_at IS NULL AND d.state = 'doubt'))
		ORDER BY u.key`, sel.Country, sel.Expired, now.UnixMilli(), sel.Failed, sel.Doubt)
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
func (s *Store) Resend(ctx context.Context, id string, step pipeline.Step, force bool, by store.Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if whyNot = store.Refusal(row.UserRow); whyNot != "" {
			return nil
		}
		done, err := mailNow(ctx, tx, row, step, replacement{"an operator sent again by hand", force}, now)
		if err != nil {
			return err
		}
		if !done {
			whyNot = store.OnItsWay
			return nil
		}
		return addAudit(ctx, tx, by, "resend", id, string(step), now)
	})
	if err != nil {
		return "", fmt.Errorf("resend to user %s: %w", id, err)
	}
	return whyNot, nil
}

// Invite makes the first mail to the user due at once, as one that an operator asked
// for, who may mail at any hour. It returns why not, as [store.InviteRefusal] has it,
// and audits what it does.
func (s *Store) Invite(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		open, repeat, err := openState(ctx, tx, row.key)
		if err != nil {
			return err
		}
		if whyNot = store.InviteRefusal(row.UserRow, open, repeat); whyNot != "" {
			return nil
		}
		done, err := mailNow(ctx, tx, row, pipeline.Invite, replacement{invitedNow, false}, now)
		if err != nil {
			return err
		}
		if !done {
			whyNot = store.OnItsWay
			return nil
		}
		return addAudit(ctx, tx, by, "resend", id, string(pipeline.Invite), now)
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
func mailNow(ctx context.Context, tx pgx.Tx, row keyedRow, step pipeline.Step, why replacement, now time.Time) (done bool, err error) {
	open, repeat, err := openState(ctx, tx, row.key)
	if err != nil {
		return false, err
	}
	switch {
	case open == pipeline.Claimed, open == pipeline.Sending:
		return false, nil
	case open == pipeline.InDoubt, repeat:
		return true, reopenDoubt(ctx, tx, row.key, now)
	}
	return true, replace(ctx, tx, row, step, why, now)
}

// openState returns the state of the user's open delivery, "" for none, and
// whether it is a mail in doubt that is due again, or would be if no operator held
// it. It stays so until the transaction ends: nobody claims or settles it meanwhile.
func openState(ctx context.Context, tx pgx.Tx, user int64) (state pipeline.State, repeat bool, err error) {
	err = tx.QueryRow(ctx, `SELECT state, repeat AND (state = 'due' OR state = 'held' AND code = '`+store.OperatorHold+`') FROM deliveries WHERE user_key = $1 AND ended_at IS NULL FOR UPDATE`, user).Scan(&state, &repeat)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return state, repeat, err
}

func reopenDoubt(ctx context.Context, tx pgx.Tx, user int64, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'due', due_at = $2, operator = true, repeat = true, doubts = 0, updated_at = $2
		WHERE user_key = $1 AND ended_at IS NULL AND (state = 'doubt' OR repeat AND (state = 'due' OR state = 'held' AND code = '`+store.OperatorHold+`'))`, user, now.UnixMilli())
	return err
}

func replace(ctx context.Context, tx pgx.Tx, row keyedRow, step pipeline.Step, why replacement, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'cancelled', ended_at = $2, code = 'replaced', reason = $3, updated_at = $2
		WHERE user_key = $1 AND ended_at IS NULL AND state IN ('due', 'held')`, row.key, now.UnixMilli(), why.reason); err != nil {
		return err
	}
	if row.AddressBad {
		if _, err := tx.Exec(ctx, `UPDATE users SET address_bad = false, updated_at = $2 WHERE key = $1`, row.key, now.UnixMilli()); err != nil {
			return err
		}
	}
	var next owed
	next.add(row, pipeline.Next{Step: step, DueAt: now, Operator: true})
	if err := next.insert(ctx, tx, now); err != nil || !why.forced {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE deliveries SET forced = true WHERE user_key = $1 AND ended_at IS NULL AND state = 'due'`, row.key)
	return err
}
