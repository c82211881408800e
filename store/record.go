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
	if err := settle(tx, run, d, v, now); err != nil {
		return err
	}
	if d.Link.Lasts() && endedAt(v, now) != nil {
		if err := forgetURL(tx, d); err != nil {
			return err
		}
	}
	if v.Tried {
		if err := addAttempt(tx, run, d, v, now); err != nil {
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
		if err := insertNextAfter(tx, d, *v.Next, now); err != nil {
			return err
		}
	}
	// An open delivery of a user who may not be mailed any more would be claimed
	// and minted for in vain. What is settled for good is the user's only open one.
	if open := v.State == pipeline.Due || v.State == pipeline.Held || v.State == pipeline.InDoubt; open || v.BadAddress {
		if err := cancelUnwanted(tx, d.User.ID, now); err != nil {
			return err
		}
	}
	return setPause(tx, v)
}

// settle writes the delivery's new state, the link and the message that it
// carries, and gives it up. How the latest attempt ended outlives a put-back,
// which was none.
func settle(tx *sql.Tx, run int64, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	paid, doubted := 0, 0
	if v.Paid {
		paid = 1
	}
	if v.Outcome == pipeline.OutcomeDoubt {
		doubted = 1
	}
	ended := v.Tried || v.State != pipeline.Due
	err := one(tx.Exec(`UPDATE OR FAIL deliveries
		SET state = ?, ended_at = ?, due_at = ?, receipt = ?, link_id = ?,
			code = CASE WHEN ? THEN ? ELSE code END, reason = CASE WHEN ? THEN ? ELSE reason END,
			attempts = attempts + ?, doubts = doubts + ?, repeat = ?,
			message_id = ?, message_date = ?, digest = ?,
			run_id = NULL, updated_at = ?
		WHERE id = ? AND run_id = ? AND state IN ('claimed', 'sending')`,
		v.State, endedAt(v, now), dueAt(d, v), d.Receipt.Reply, linkID(d),
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
	_, err = tx.Exec(`UPDATE deliveries SET state = 'due', ended_at = NULL, due_at = ?, code = 'user_changed',
		reason = 'the address was refused, and is another one now' WHERE id = ?`, ceilMS(now), d.ID)
	return err
}

// endedAt is when the delivery ended, nil while it is open.
func endedAt(v pipeline.Verdict, now time.Time) any {
	switch v.State {
	case pipeline.Sent, pipeline.Failed, pipeline.Cancelled:
		return ms(now)
	}
	return nil
}

func dueAt(d *pipeline.Delivery, v pipeline.Verdict) int64 {
	if v.State == pipeline.Due {
		return ceilMS(v.DueAt)
	}
	return d.DueAt.UnixMilli()
}

// linkID is how the ledger names the delivery's link, NULL for none.
func linkID(d *pipeline.Delivery) any {
	if d.Link.ID == 0 {
		return nil
	}
	return d.Link.ID
}

func addAttempt(tx *sql.Tx, run int64, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	_, err := tx.Exec(`INSERT OR FAIL INTO attempts (delivery_id, run_id, at, outcome, code, reason, reply, message_id, link_id, doubtful)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, run, ms(now), v.Outcome, v.Code, v.Reason, d.Receipt.Reply, d.Message.ID, linkID(d), v.Doubtful)
	if err != nil {
		return fmt.Errorf("add the attempt at delivery %d: %w", d.ID, err)
	}
	return countTrouble(tx, v.Outcome, now)
}

func addMail(tx *sql.Tx, d *pipeline.Delivery, now time.Time) error {
	h := d.History.After(d, now)
	_, err := tx.Exec(`UPDATE OR FAIL users SET mails = mails + 1, invited_at = ?, last_mail_at = ?, link_expires_at = ?
		WHERE key = (SELECT user_key FROM deliveries WHERE id = ?)`,
		ms(h.InvitedAt), ms(h.LastAt), ms(h.LinkExpiresAt), d.ID)
	return err
}

// insertNext adds the user's next delivery, unless it may not go out to the user,
// or another one is open already. Its round is one more than the latest of that
// step.
func insertNext(tx *sql.Tx, user string, next pipeline.Next, now time.Time) error {
	added, err := tx.Exec(`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, operator, created_at, updated_at)
		SELECT u.key, u.country, u.type, ?1,
			1 + coalesce((SELECT max(round) FROM deliveries d WHERE d.user_key = u.key AND d.step = CAST(?1 AS TEXT)), 0),
			'due', ?2, ?3, ?4, ?4
		FROM users u
		WHERE u.id = CAST(?5 AS TEXT)
			AND (u.wanted OR CAST(?3 AS INTEGER) = 1 AND u.status = 'opted_out' AND u.withdrawn = 0 AND u.address_bad = 0)
			AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.user_key = u.key AND d.ended_at IS NULL)`,
		next.Step, ceilMS(next.DueAt), next.Operator, ms(now), user)
	if err != nil {
		return fmt.Errorf("add the next delivery of user %s: %w", user, err)
	}
	return endAttention(tx, user, added)
}

// insertNextAfter does the same for the user of a delivery that has just ended,
// once a mail: without a search by name, and without the copy of what a SELECT
// finds that SQLite makes for a table with triggers. Where none is to be added,
// nobody is found whose it would be. What an import changes about a user it
// changes in the delivery too.
func insertNextAfter(tx *sql.Tx, d *pipeline.Delivery, next pipeline.Next, now time.Time) error {
	_, err := tx.Exec(`INSERT OR FAIL INTO deliveries (user_key, country, type, step, round, state, due_at, operator, created_at, updated_at) VALUES (
			(SELECT u.key FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.id = CAST(?5 AS INTEGER)
				AND (u.wanted OR CAST(?3 AS INTEGER) = 1 AND d.operator = 1 AND u.status = 'opted_out' AND u.withdrawn = 0 AND u.address_bad = 0)
				AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.user_key = u.key AND o.ended_at IS NULL)),
			(SELECT country FROM deliveries WHERE id = CAST(?5 AS INTEGER)),
			(SELECT type FROM deliveries WHERE id = CAST(?5 AS INTEGER)),
			?1,
			1 + coalesce((SELECT max(o.round) FROM deliveries d JOIN deliveries o ON o.user_key = d.user_key
				WHERE d.id = CAST(?5 AS INTEGER) AND o.step = CAST(?1 AS TEXT)), 0),
			'due', ?2, ?3, ?4, ?4)`,
		next.Step, ceilMS(next.DueAt), next.Operator, ms(now), d.ID)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("add the next delivery of user %s: %w", d.User.ID, err)
	}
	return nil
}

// cancelUnwanted closes what waits for a user whom no mail may go out to, but for
// what an operator asked for since the user opted out (see [endOf]). What is claimed
// or on the wire is left to its run. A bare parameter would be matched
// against the partial indexes, and the statement compiled anew for each value;
// the cast spares that.
func cancelUnwanted(tx *sql.Tx, user string, now time.Time) error {
	_, err := tx.Exec(`UPDATE deliveries SET state = 'cancelled', ended_at = :now, updated_at = :now,
			code = 'user_' || CASE WHEN u.status <> 'pending' THEN u.status WHEN u.withdrawn THEN 'withdrawn' ELSE 'address_bad' END,
			reason = CASE WHEN u.status <> 'pending' THEN 'the user became ' || u.status
				WHEN u.withdrawn THEN 'the source query no longer returns the user, or its row is bad'
				ELSE 'the user''s address was found to be undeliverable' END
		FROM users u
		WHERE u.id = CAST(:user AS TEXT) AND NOT u.wanted AND deliveries.user_key = u.key AND (deliveries.state = 'due' OR deliveries.state = 'held' OR deliveries.state = 'doubt')
			AND NOT (deliveries.operator = 1 AND u.status = 'opted_out' AND u.withdrawn = 0 AND u.address_bad = 0)`,
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
