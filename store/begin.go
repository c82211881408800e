package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"alta/pipeline"
)

// Begin commits that the mail is about to leave: the state sending, with its
// link, Message-ID, date and digest. In the same transaction it checks that the
// user is still owed the mail, each time that it leaves on another connection. It
// implements [pipeline.Beginner].
func (q *Queue) Begin(ctx context.Context, d *pipeline.Delivery, now time.Time) error {
	return refused(q.store.write(ctx, func(tx *sql.Tx) error {
		u := &d.User
		result, err := tx.Exec(`UPDATE OR FAIL deliveries SET state = 'sending', began_at = ?, message_id = ?, message_date = ?, digest = ?
			WHERE id = ? AND (state = 'claimed' OR state = 'sending') AND run_id = ? AND link_id = ?
				AND EXISTS (SELECT 1 FROM users u WHERE u.key = deliveries.user_key
					AND (u.wanted OR deliveries.operator = 1 AND u.status = 'opted_out' AND u.withdrawn = 0 AND u.address_bad = 0)
					AND u.id = ? AND u.external_id = ? AND u.email = ? AND u.name = ? AND u.country = ?
					AND u.locale = ? AND u.time_zone = ? AND u.type = ? AND u.status = ?)
				AND EXISTS (SELECT 1 FROM links l WHERE l.id = deliveries.link_id AND l.superseded_at IS NULL)`,
			ms(now), d.Message.ID, ms(d.Message.Date), d.Message.Digest, d.ID, q.run, d.Link.ID,
			u.ID, u.ExternalID, u.Email, u.Name, u.Country, u.Locale, u.TimeZone, u.Type, u.Status)
		if broke(err, "mails_keep_the_gap") {
			return q.tooSoon(tx, d, now)
		}
		if err != nil {
			return fmt.Errorf("mark delivery %d as sending: %w", d.ID, err)
		}
		if begun, err := result.RowsAffected(); err != nil || begun == 1 {
			return err
		}
		if err := q.stillOwed(tx, d); err != nil {
			return err
		}
		return fmt.Errorf("mark delivery %d as sending: %w", d.ID, errNotOurs)
	}))
}

// stillOwed says why the user is not owed the mail any more.
func (q *Queue) stillOwed(tx *sql.Tx, d *pipeline.Delivery) error {
	row, err := findRow(tx, d.User.ID)
	if err != nil {
		return fmt.Errorf("look at user %s: %w", d.User.ID, err)
	}
	var operator, superseded bool
	err = tx.QueryRow(`SELECT operator, EXISTS (SELECT 1 FROM links WHERE id = ? AND superseded_at IS NOT NULL)
		FROM deliveries WHERE id = ?`, d.Link.ID, d.ID).Scan(&operator, &superseded)
	if err != nil {
		return fmt.Errorf("look at user %s: %w", d.User.ID, err)
	}
	return StillOwed(row, d, operator, superseded)
}

// tooSoon puts a mail off that the database refused because the user had, or
// may have had, another one a short while ago. The plan asks for the same gap,
// so that only a mail in doubt, or a mistake in alta, leads here.
func (q *Queue) tooSoon(tx *sql.Tx, d *pipeline.Delivery, now time.Time) error {
	var over int64
	err := tx.QueryRow(`SELECT max(o.began_at) + r.min_gap FROM deliveries o, runs r
		WHERE r.id = ? AND o.user_key = (SELECT key FROM users WHERE id = ?) AND o.id <> ?
			AND (o.state = 'sent' OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = o.id AND a.outcome = 'doubt'))`,
		q.run, d.User.ID, d.ID).Scan(&over)
	if err != nil {
		return fmt.Errorf("look at the mails of user %s: %w", d.User.ID, err)
	}
	return TooSoon(time.UnixMilli(over), now)
}

// refused holds a delivery that breaks a rule of the database which nobody
// thought of: it is that row's own trouble, and must not stop everybody.
func refused(err error) error {
	if isConstraint(err) {
		return Refused(err)
	}
	return err
}

// isMissing tells whether err says that a row would belong to no user: the
// subquery for its user found nobody.
func isMissing(err error) bool {
	refusal, ok := errors.AsType[sqlite3.Error](err)
	return ok && refusal.ExtendedCode == sqlite3.ErrConstraintNotNull && strings.HasSuffix(refusal.Error(), ".user_key")
}

// broke tells whether err is the refusal of the named trigger.
func broke(err error, trigger string) bool {
	refusal, ok := errors.AsType[sqlite3.Error](err)
	return ok && refusal.ExtendedCode == sqlite3.ErrConstraintTrigger && refusal.Error() == trigger
}
