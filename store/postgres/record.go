package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// recording is a verdict that is being written down.
type recording struct {
	write
	machine int64 // that it counts for; 0 for none
	twice   bool  // it may have been made before, by a transaction whose answer was lost
	d       pipeline.Delivery
	v       pipeline.Verdict
	now     time.Time
	user    int64 // the key of the user, once it is done
}

// Record commits what became of a delivery, the attempt, the user's history and
// next delivery, and any pause. It implements [pipeline.Recorder].
//
// For a machine of a fleet it is the same however often it is made: after a
// connection that broke, nobody knows whether the commit was made. A claim that was
// lost is an error that wraps [ErrClaimLost].
func (q *Queue) Record(ctx context.Context, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	r := &recording{write: q.write(d), machine: q.machine, twice: q.fleet(), d: *d, v: v, now: now}
	r.d.Message.Content = pipeline.Content{}
	return q.store.batches.record.do(ctx, r)
}

// report is what the verdict adds to the counts of its run.
func (r *recording) report() (one pipeline.Report) {
	one.Count(r.v)
	return one
}

// ordinary tells whether the verdict is about its own mail and nothing else.
func (r *recording) ordinary() bool {
	return r.v.Pause == nil && r.v.Lift == nil && (!r.v.BadAddress || r.ends())
}

// ends tells whether the delivery is settled for good.
func (r *recording) ends() bool {
	switch r.v.State {
	case pipeline.Sent, pipeline.Failed, pipeline.Cancelled:
		return true
	}
	return false
}

// recordTogether writes the ordinary verdicts down. It leaves those alone whose
// user was changed meanwhile in a way that makes them something else.
func (s *Store) recordTogether(ctx context.Context, items []*recording) error {
	ordinary := make([]*recording, 0, len(items))
	for _, r := range items {
		if r.ordinary() {
			ordinary = append(ordinary, r)
		}
	}
	if len(ordinary) == 0 {
		return nil
	}
	b := newBatch()
	queueSettle(b, ordinary, false)
	return s.pipelined(ctx, b)
}

func (s *Store) recordAlone(ctx context.Context, r *recording) error {
	err := s.transact(ctx, func(tx pgx.Tx) error {
		if err := record(ctx, tx, []*recording{r}); err != nil || r.done {
			return err
		}
		return ErrClaimLost
	})
	if errors.Is(err, ErrClaimLost) && r.twice {
		now, failed := s.holdOf(ctx, &r.write)
		if failed != nil {
			return failed
		}
		if now.is(&r.write) && !now.inHand(&r.write) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("settle delivery %d: %w", r.id, err)
	}
	return nil
}

// record writes verdicts of any kind down in the given transaction, and marks those
// as done whose delivery was in hand.
func record(ctx context.Context, tx pgx.Tx, items []*recording) error {
	var b pgx.Batch
	for _, r := range items {
		r.done = false
	}
	queueSettle(&b, items, true)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	var unwanted []int64
	for _, r := range items {
		if !r.done {
			continue
		}
		if r.v.BadAddress {
			if err := mailNewAddress(ctx, tx, r); err != nil {
				return err
			}
		}
		// An open delivery of a user who may not be mailed any more would be claimed
		// and minted for in vain. What is settled for good is the user's only open one.
		if !r.ends() || r.v.BadAddress {
			unwanted = append(unwanted, r.user)
		}
		if err := setPause(ctx, tx, r.v); err != nil {
			return err
		}
	}
	return cancelUnwanted(ctx, tx, unwanted, items[0].now)
}

// mailNewAddress makes the mail due again whose address was refused for good while
// an import put another one in its place: that one gets it instead.
func mailNewAddress(ctx context.Context, tx pgx.Tx, r *recording) error {
	_, err := tx.Exec(ctx, `UPDATE deliveries d SET state = 'due', ended_at = NULL, due_at = $2, code = 'user_changed',
			reason = 'the address was refused, and is another one now'
		FROM users u WHERE d.id = $1 AND u.key = d.user_key AND u.email <> $3`, r.id, ceilMS(r.now), r.d.User.Email)
	return err
}

// setPause writes a pause down, or lifts the one that the delivery disproves. A
// pause that lasts keeps the time at which it began.
func setPause(ctx context.Context, tx pgx.Tx, v pipeline.Verdict) error {
	if p := v.Pause; p != nil {
		_, err := tx.Exec(ctx, `INSERT INTO pauses (country, type, code, reason, minting, since, probe_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (country, type) DO UPDATE SET code = excluded.code, reason = excluded.reason,
				minting = excluded.minting, probe_at = excluded.probe_at`,
			p.Country, p.Type, text(p.Code), text(p.Reason), p.Minting, ms(p.Since), ceilMS(p.ProbeAt))
		return err
	}
	if v.Lift != nil {
		return liftPause(ctx, tx, *v.Lift)
	}
	return nil
}
