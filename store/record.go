package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// Record commits what became of a delivery of this run, the attempt, the
// user's history and next delivery, and any pause. It implements
// [pipeline.Recorder].
func (q *Queue) Record(ctx context.Context, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	return q.store.write(ctx, func(tx *sql.Tx) error {
		return record(tx, q.run, d, v, now)
	})
}

func record(tx *sql.Tx, run int64, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	link, err := saveLink(tx, d)
	if err != nil {
		return err
	}
	if err := settle(tx, run, d, v, link, now); err != nil {
		return err
	}
	if v.Tried {
		if err := addAttempt(tx, run, d, v, link, now); err != nil {
			return err
		}
	}
	if v.State == pipeline.Sent {
		if err := addMail(tx, d, now); err != nil {
			return err
		}
	}
	if v.BadAddress {
		if err := markAddress(tx, d, now); err != nil {
			return err
		}
	}
	if v.Next != nil {
		if err := insertNext(tx, d.User.ID, *v.Next, now); err != nil {
			return err
		}
	}
	// An open delivery of a user who may not be mailed any more would be claimed
	// and minted for in vain.
	if err := cancelUnwanted(tx, d.User.ID, now); err != nil {
		return err
	}
	return setPause(tx, v)
}

// settle writes the delivery's new state, the link and the message that it
// carries, and gives it up. How the latest attempt ended outlives a put-back,
// which was none.
func settle(tx *sql.Tx, run int64, d *pipeline.Delivery, v pipeline.Verdict, link int64, now time.Time) error {
	paid, doubted := 0, 0
	if v.Paid {
		paid = 1
	}
	if v.Outcome == pipeline.OutcomeDoubt {
		doubted = 1
	}
	var linkID any
	if link != 0 {
		linkID = link
	}
	ended := v.Tried || v.State != pipeline.Due
	err := one(tx.Exec(`UPDATE deliveries
		SET state = ?, due_at = ?, receipt = ?, link_id = ?,
			code = CASE WHEN ? THEN ? ELSE code END, reason = CASE WHEN ? THEN ? ELSE reason END,
			attempts = attempts + ?, doubts = doubts + ?, repeat = ?,
			message_id = ?, message_date = ?, digest = ?,
			run_id = NULL, updated_at = ?
		WHERE id = ? AND run_id = ? AND state IN ('claimed', 'sending')`,
		v.State, dueAt(d, v), d.Receipt.Reply, linkID,
		ended, v.Code, ended, v.Reason,
		paid, doubted, v.Repeat,
		d.Message.ID, ms(d.Message.Date), d.Message.Digest,
		ms(now), d.ID, run))
	if err != nil {
		return fmt.Errorf("settle delivery %d: %w", d.ID, err)
	}
	return nil
}

// markAddress notes that the address was refused for good. Where an import has
// put another one in its place meanwhile, that one gets the mail instead.
func markAddress(tx *sql.Tx, d *pipeline.Delivery, now time.Time) error {
	result, err := tx.Exec(`UPDATE users SET address_bad = 1, updated_at = ? WHERE id = ? AND email = ?`,
		ms(now), d.User.ID, d.User.Email)
	if err != nil {
		return err
	}
	marked, err := result.RowsAffected()
	if err != nil || marked > 0 {
		return err
	}
	_, err = tx.Exec(`UPDATE deliveries SET state = 'due', due_at = ?, code = 'user_changed',
		reason = 'the address was refused, and is another one now' WHERE id = ?`, ceilMS(now), d.ID)
	return err
}

func dueAt(d *pipeline.Delivery, v pipeline.Verdict) int64 {
	if v.State == pipeline.Due {
		return ceilMS(v.DueAt)
	}
	return d.DueAt.UnixMilli()
}

func addAttempt(tx *sql.Tx, run int64, d *pipeline.Delivery, v pipeline.Verdict, link int64, now time.Time) error {
	var linkID any
	if link != 0 {
		linkID = link
	}
	_, err := tx.Exec(`INSERT INTO attempts (delivery_id, run_id, at, outcome, code, reason, reply, message_id, link_id, doubtful)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, run, ms(now), v.Outcome, v.Code, v.Reason, d.Receipt.Reply, d.Message.ID, linkID, v.Doubtful)
	if err != nil {
		return fmt.Errorf("add the attempt at delivery %d: %w", d.ID, err)
	}
	return nil
}

func addMail(tx *sql.Tx, d *pipeline.Delivery, now time.Time) error {
	h := d.History.After(d, now)
	_, err := tx.Exec(`UPDATE users SET mails = mails + 1, invited_at = ?, last_mail_at = ?, link_expires_at = ? WHERE id = ?`,
		ms(h.InvitedAt), ms(h.LastAt), ms(h.LinkExpiresAt), d.User.ID)
	return err
}

// insertNext adds the user's next delivery, unless mail may not go out to the
// user or one is open already. Its round is one more than the latest of that
// step. A bare parameter would be matched against the partial indexes, and the
// statement compiled anew for each value; the cast spares that.
func insertNext(tx *sql.Tx, user string, next pipeline.Next, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, operator, created_at, updated_at)
		SELECT u.key, u.country, u.type, :step,
			1 + coalesce((SELECT max(round) FROM deliveries d WHERE d.user_key = u.key AND d.step = CAST(:step AS TEXT)), 0),
			'due', :due, :operator, :now, :now
		FROM users u
		WHERE u.id = :user AND u.wanted
			AND NOT EXISTS (SELECT 1 FROM deliveries d
				WHERE d.user_key = u.key AND d.state IN ('due', 'claimed', 'sending', 'held', 'doubt'))`,
		sql.Named("step", next.Step), sql.Named("due", ceilMS(next.DueAt)), sql.Named("operator", next.Operator),
		sql.Named("now", ms(now)), sql.Named("user", user))
	if err != nil {
		return fmt.Errorf("add the next delivery of user %s: %w", user, err)
	}
	return nil
}

// cancelUnwanted closes what waits for a user whom no mail may go out to. What
// is claimed or on the wire is left to its run.
func cancelUnwanted(tx *sql.Tx, user string, now time.Time) error {
	_, err := tx.Exec(`UPDATE deliveries SET state = 'cancelled', updated_at = :now,
			code = 'user_' || CASE WHEN u.status <> 'pending' THEN u.status WHEN u.withdrawn THEN 'withdrawn' ELSE 'address_bad' END,
			reason = CASE WHEN u.status <> 'pending' THEN 'the user became ' || u.status
				WHEN u.withdrawn THEN 'the source query no longer returns the user, or its row is bad'
				ELSE 'the user''s address was found to be undeliverable' END
		FROM users u
		WHERE u.id = :user AND NOT u.wanted AND deliveries.user_key = u.key AND deliveries.state IN ('due', 'held', 'doubt')`,
		sql.Named("now", ms(now)), sql.Named("user", user))
	if err != nil {
		return fmt.Errorf("cancel what user %s is no longer owed: %w", user, err)
	}
	return nil
}

// setPause writes a pause down, or lifts the one that the delivery disproves. A
// pause that lasts keeps the time at which it began.
func setPause(tx *sql.Tx, v pipeline.Verdict) error {
	if p := v.Pause; p != nil {
		_, err := tx.Exec(`INSERT INTO pauses (country, type, code, reason, minting, since, probe_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (country, type) DO UPDATE SET code = excluded.code, reason = excluded.reason,
				minting = excluded.minting, probe_at = excluded.probe_at`,
			p.Country, p.Type, p.Code, p.Reason, p.Minting, ms(p.Since), ceilMS(p.ProbeAt))
		return err
	}
	if v.Lift != nil {
		return liftPause(tx, *v.Lift)
	}
	return nil
}

func liftPause(tx *sql.Tx, p pipeline.Pause) error {
	_, err := tx.Exec(`DELETE FROM pauses WHERE country = ? AND type = ?`, p.Country, p.Type)
	return err
}

// Lift ends a pause that something other than a mail has shown to be over.
func (s *Store) Lift(ctx context.Context, p pipeline.Pause) error {
	return s.write(ctx, func(tx *sql.Tx) error { return liftPause(tx, p) })
}

// Recover settles what an earlier owner left behind; only the process that
// holds the [Lock] may call it, while no run is under way. A claimed delivery
// goes back, since nothing had left the house. One that was on the wire is in
// doubt, and judge says what becomes of it. It returns how many of each.
func (s *Store) Recover(ctx context.Context, now time.Time, judge func(*pipeline.Delivery) pipeline.Verdict) (returned, doubted int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		owners, err := column[string](tx, `UPDATE deliveries SET state = 'due', run_id = NULL, updated_at = ?
			WHERE state = 'claimed' AND state IN ('claimed', 'sending')
			RETURNING (SELECT id FROM users WHERE key = user_key)`, ms(now))
		if err != nil {
			return err
		}
		returned = len(owners)
		for _, id := range owners {
			if err := cancelUnwanted(tx, id, now); err != nil {
				return err
			}
		}
		orphans, err := deliveries(tx, `WHERE d.state = 'sending' AND d.state IN ('claimed', 'sending')`)
		if err != nil {
			return err
		}
		doubted = len(orphans)
		for i := range orphans {
			d := &orphans[i]
			var run int64
			if err := tx.QueryRow(`SELECT run_id FROM deliveries WHERE id = ?`, d.ID).Scan(&run); err != nil {
				return err
			}
			if err := record(tx, run, d, judge(d), now); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`UPDATE runs SET finished_at = ?, error = 'the process ended before the run did' WHERE finished_at IS NULL`, ms(now))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("recover what an earlier run left behind: %w", err)
	}
	return returned, doubted, nil
}
