package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"alta/pipeline"
)

// Queue is the ledger as one run sees it: what it claims is owned by that run.
type Queue struct {
	store *Store
	run   int64
	only  Only
}

// Only narrows what a queue yields.
type Only int

// What a queue yields.
const (
	Everything    Only = iota
	OperatorsOnly      // what operators asked for, for a resend that runs by itself
)

// Queue returns the queue of a run that [Store.StartRun] began.
func (s *Store) Queue(run int64, only Only) *Queue {
	return &Queue{store: s, run: run, only: only}
}

// Pull claims up to n due deliveries, the operators' first, then those of each
// country. It implements [pipeline.Puller].
func (q *Queue) Pull(ctx context.Context, now time.Time, n int) (pipeline.Batch, error) {
	var batch pipeline.Batch
	err := q.store.write(ctx, func(tx *sql.Tx) error {
		batch = pipeline.Batch{}
		var err error
		if batch.Pauses, err = pauses(tx); err != nil {
			return err
		}
		var ids []int64
		if ids, batch.Probe, err = q.choose(tx, batch.Pauses, now, n); err != nil || len(ids) == 0 {
			return err
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE deliveries SET state = 'claimed', run_id = ?, updated_at = ?
			WHERE id IN (SELECT value FROM json_each(?))`, q.run, ms(now), string(list)); err != nil {
			return err
		}
		batch.Deliveries, err = deliveries(tx, `WHERE d.id IN (SELECT value FROM json_each(?))
			ORDER BY d.operator DESC, d.due_at, d.id`, string(list))
		return err
	})
	return batch, err
}

// choose picks the ids to claim. Whatever is paused yields one probe, once its
// time has come.
func (q *Queue) choose(tx *sql.Tx, paused []pipeline.Pause, now time.Time, n int) (ids []int64, probe bool, err error) {
	quota := map[pipeline.Country]int{pipeline.MX: n, pipeline.DO: n}
	for _, p := range paused {
		due := !p.ProbeAt.After(now)
		switch {
		case p.Country == "" && !due:
			return nil, false, nil
		case p.Country == "":
			n, probe = 1, true
		case due:
			quota[p.Country], probe = 1, true
		default:
			quota[p.Country] = 0
		}
	}
	// Both halves of the choice run through deliveries_due, in its order.
	queries := []string{`SELECT id FROM deliveries WHERE state = 'due' AND operator = 1 AND due_at <= ? AND country = ? ORDER BY due_at LIMIT ?`}
	if q.only == Everything {
		queries = append(queries, `SELECT id FROM deliveries WHERE state = 'due' AND operator = 0 AND due_at <= ? AND country = ? ORDER BY due_at LIMIT ?`)
	}
	for _, query := range queries {
		for i, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
			limit := min(quota[country], n-len(ids))
			if i == 0 && limit > 1 && quota[pipeline.DO] > 0 {
				limit = (limit + 1) / 2 // leave room for the other country
			}
			got, err := column[int64](tx, query, now.UnixMilli(), country, limit)
			if err != nil {
				return nil, false, err
			}
			quota[country] -= len(got)
			ids = append(ids, got...)
		}
	}
	return ids, probe, nil
}

// Begin commits that the mail is about to leave: the state sending, with its
// link, Message-ID, date and digest. In the same transaction it checks that the
// user is still owed the mail. It implements [pipeline.Beginner].
func (q *Queue) Begin(ctx context.Context, d *pipeline.Delivery) error {
	var link int64
	err := q.store.write(ctx, func(tx *sql.Tx) error {
		if err := q.stillOwed(tx, d); err != nil {
			return err
		}
		var err error
		if link, err = saveLink(tx, d); err != nil {
			return err
		}
		if err := one(tx.Exec(`UPDATE deliveries SET state = 'sending', link_id = ?, message_id = ?, message_date = ?, digest = ?
			WHERE id = ? AND state = 'claimed' AND run_id = ?`,
			link, d.Message.ID, ms(d.Message.Date), d.Message.Digest, d.ID, q.run)); err != nil {
			return fmt.Errorf("mark delivery %d as sending: %w", d.ID, err)
		}
		return nil
	})
	if err == nil {
		d.Link.ID = link // only now: a commit that failed has saved no link
	}
	return err
}

func (q *Queue) stillOwed(tx *sql.Tx, d *pipeline.Delivery) error {
	var status pipeline.Status
	var email string
	var withdrawn, bad, superseded bool
	err := tx.QueryRow(`SELECT u.status, u.email, u.withdrawn, u.address_bad,
			EXISTS (SELECT 1 FROM links l WHERE l.id = ? AND l.superseded_at IS NOT NULL)
		FROM users u WHERE u.id = ?`, d.Link.ID, d.User.ID).Scan(&status, &email, &withdrawn, &bad, &superseded)
	if err != nil {
		return fmt.Errorf("look at user %s: %w", d.User.ID, err)
	}
	cancel := func(code, reason string) error {
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: code, Reason: reason}
	}
	switch {
	case status != pipeline.Pending:
		return cancel("user_"+string(status), "the user became "+string(status)+" before the mail left")
	case withdrawn:
		return cancel("user_withdrawn", "the source query no longer returns the user")
	case bad:
		return cancel("user_address_bad", "the user's address was found to be undeliverable")
	case superseded:
		return cancel("link_superseded", "a newer link was made for the user")
	case email != d.User.Email:
		return &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "user_changed", Reason: "the user's address changed before the mail left"}
	}
	return nil
}

// saveLink makes the delivery's link the user's current one and returns its id.
// One that is in the ledger already stays as it is.
func saveLink(tx *sql.Tx, d *pipeline.Delivery) (int64, error) {
	if d.Link.ID != 0 || d.Link.URL.IsZero() {
		return d.Link.ID, nil
	}
	if _, err := tx.Exec(`UPDATE links SET superseded_at = ?
		WHERE user_key = (SELECT key FROM users WHERE id = ?) AND superseded_at IS NULL`,
		ms(d.Link.IssuedAt), d.User.ID); err != nil {
		return 0, fmt.Errorf("supersede the link of user %s: %w", d.User.ID, err)
	}
	var id int64
	err := tx.QueryRow(`INSERT INTO links (user_key, url, issued_at, expires_at)
		VALUES ((SELECT key FROM users WHERE id = ?), ?, ?, ?) RETURNING id`,
		d.User.ID, d.Link.URL.Reveal(), ms(d.Link.IssuedAt), ms(d.Link.ExpiresAt)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("save the link of user %s: %w", d.User.ID, err)
	}
	return id, nil
}
