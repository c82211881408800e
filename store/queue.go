package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
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

// operators returns the values of the column operator to pull, first the ones
// to pull first.
func (o Only) operators() []bool {
	if o == OperatorsOnly {
		return []bool{true}
	}
	return []bool{true, false}
}

// Queue returns the queue of a run that [Store.StartRun] began.
func (s *Store) Queue(run int64, only Only) *Queue {
	return &Queue{store: s, run: run, only: only}
}

// Pull claims up to n due deliveries, the operators' first, then those of each
// lane in turn. It implements [pipeline.Puller].
func (q *Queue) Pull(ctx context.Context, now time.Time, n int) (pipeline.Batch, error) {
	var batch pipeline.Batch
	err := q.store.write(ctx, func(tx *sql.Tx) error {
		batch = pipeline.Batch{}
		var err error
		if batch.Pauses, err = pauses(tx); err != nil {
			return err
		}
		chosen, err := q.choose(tx, batch.Pauses, now, n)
		if err != nil || len(chosen) == 0 {
			return err
		}
		batch.Deliveries, batch.Probe, err = q.claim(tx, chosen, now)
		return err
	})
	return batch, err
}

// lane is what a pause can stop by itself.
type lane struct {
	country pipeline.Country
	kind    pipeline.UserType
}

func lanes() []lane {
	return []lane{
		{pipeline.MX, pipeline.Individual}, {pipeline.DO, pipeline.Individual},
		{pipeline.MX, pipeline.Business}, {pipeline.DO, pipeline.Business},
	}
}

// choice is a delivery to claim, and the pause that it probes, if any.
type choice struct {
	id    int64
	probe *pipeline.Pause
}

// choose picks what to claim. A lane that is paused yields one probe by itself,
// once its time has come; an outage yields one probe of any other lane and
// nothing else.
func (q *Queue) choose(tx *sql.Tx, paused []pipeline.Pause, now time.Time, n int) (chosen []choice, err error) {
	open := lanes()
	var outage *pipeline.Pause
	for i := range paused {
		p := &paused[i]
		if p.IsOutage() {
			outage = p
			continue
		}
		one := lane{p.Country, p.Type}
		open = slices.DeleteFunc(open, func(l lane) bool { return l == one })
		if !p.ProbeAt.After(now) && len(chosen) < n {
			probes, err := q.probe(tx, []lane{one}, p, now)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, probes...)
		}
	}
	if outage != nil {
		if outage.ProbeAt.After(now) || n < 1 {
			return nil, nil
		}
		return q.probe(tx, open, outage, now)
	}
	for _, operator := range q.only.operators() {
		waiting := make([][]int64, 0, len(open))
		for _, l := range open {
			ids, err := column[int64](tx, `SELECT id FROM deliveries
				WHERE state = 'due' AND country = ? AND type = ? AND operator = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
				l.country, l.kind, operator, now.UnixMilli(), max(n-len(chosen), 0))
			if err != nil {
				return nil, err
			}
			waiting = append(waiting, ids)
		}
		for _, id := range inTurn(waiting, n-len(chosen)) {
			chosen = append(chosen, choice{id: id})
		}
	}
	return chosen, nil
}

// inTurn takes up to n ids, one of each list in turn, so that no lane waits for
// another.
func inTurn(lists [][]int64, n int) (taken []int64) {
	for i := 0; len(taken) < n; i++ {
		more := false
		for _, ids := range lists {
			if i < len(ids) && len(taken) < n {
				taken, more = append(taken, ids[i]), true
			}
		}
		if !more {
			break
		}
	}
	return taken
}

// mostProbed bounds the deliveries among which a probe is chosen, so that it
// costs the same however many are due.
const mostProbed = 1000

// probe picks, among the first that are due in the lanes, the delivery that was
// touched longest ago, so that each probe is another user while there are
// several.
func (q *Queue) probe(tx *sql.Tx, from []lane, p *pipeline.Pause, now time.Time) ([]choice, error) {
	var oldest choice
	var touched int64
	for _, operator := range q.only.operators() {
		for _, l := range from {
			var id, when sql.NullInt64
			// SQLite takes the other columns of min() from the row that has it.
			err := tx.QueryRow(`SELECT id, min(updated_at) FROM (SELECT id, updated_at FROM deliveries
				WHERE state = 'due' AND country = ? AND type = ? AND operator = ? AND due_at <= ? ORDER BY due_at LIMIT ?)`,
				l.country, l.kind, operator, now.UnixMilli(), mostProbed).Scan(&id, &when)
			if err != nil {
				return nil, err
			}
			if id.Valid && (oldest.id == 0 || when.Int64 < touched) {
				oldest, touched = choice{id.Int64, p}, when.Int64
			}
		}
	}
	if oldest.id == 0 {
		return nil, nil
	}
	return []choice{oldest}, nil
}

// claim makes the chosen deliveries the run's own and reads them.
func (q *Queue) claim(tx *sql.Tx, chosen []choice, now time.Time) (claimed []pipeline.Delivery, probing bool, err error) {
	ids := make([]int64, len(chosen))
	probes := map[int64]*pipeline.Pause{}
	for i, c := range chosen {
		ids[i] = c.id
		if c.probe != nil {
			probes[c.id] = c.probe
		}
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, false, err
	}
	if _, err := tx.Exec(`UPDATE deliveries SET state = 'claimed', run_id = ?, updated_at = ?
		WHERE id IN (SELECT value FROM json_each(?))`, q.run, ms(now), string(list)); err != nil {
		return nil, false, err
	}
	claimed, err = deliveries(tx, `WHERE d.id IN (SELECT value FROM json_each(?))
		ORDER BY d.operator DESC, d.due_at, d.id`, string(list))
	for i := range claimed {
		claimed[i].Probe = probes[claimed[i].ID]
	}
	return claimed, len(probes) > 0, err
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
		return cancel("user_withdrawn", "the source query no longer returns the user, or its row is bad")
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
