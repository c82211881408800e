package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Queue is the ledger as one run sees it, and one machine of those that work for
// it.
//
// Every claim has a number, and whatever is written about a delivery goes by the
// number of the claim under which it was pulled or taken. So a machine that was
// taken for gone can do no harm, however late it wakes up.
type Queue struct {
	store        *Store
	run, machine int64
	only         store.Only
	jobs         Jobs
}

// Jobs inserts a job of River's for each delivery that is being claimed, in the
// claim's own transaction, and returns their ids in that order.
type Jobs func(ctx context.Context, tx pgx.Tx, claimed []ClaimedDelivery) (ids []int64, err error)

// MostClaimed is how many deliveries one claim should take at most. It takes them,
// with a job for each, in some 20 ms, for which whoever wants the same rows waits.
const MostClaimed = 128

// ClaimedDelivery is what a job is made from.
type ClaimedDelivery struct {
	ID       int64
	Operator bool // asked for by an operator
}

// Queue returns the queue of a run that StartRun began. What it claims is that
// run's alone, as on SQLite; with [Queue.On] it is for the machines of a fleet.
func (s *Store) Queue(run int64, only store.Only) *Queue {
	return &Queue{store: s, run: run, only: only}
}

// On returns the queue for a machine of a fleet. jobs may be nil for one that only
// takes what others have pulled; its run may be 0.
func (q *Queue) On(machine int64, jobs Jobs) *Queue {
	on := *q
	on.machine, on.jobs = machine, jobs
	return &on
}

// fleet tells whether others may take over what the queue claimed. Without a
// fleet nobody does, so that a claim which is lost is a mistake.
func (q *Queue) fleet() bool { return q.machine != 0 }

// write names the delivery by its claim. A machine works for whichever run the
// delivery belongs to.
func (q *Queue) write(d *pipeline.Delivery) write {
	w := write{id: d.ID, claim: d.Claim, run: q.run}
	if q.fleet() {
		w.run = 0
	}
	return w
}

// ErrClaimLost says that a delivery is not the caller's any more: another machine
// has taken it over, or has settled it.
var ErrClaimLost = errors.New("the delivery is claimed by another, or by nobody")

// orLost returns err, and where it says that the claim was lost, what that means
// for a mail of a fleet.
func (q *Queue) orLost(err error) error {
	if !q.fleet() || !errors.Is(err, ErrClaimLost) {
		return err
	}
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "claim_lost",
		Reason: "another machine has taken this mail over; it settles it", Err: err,
	}
}

// hold is how the ledger has a delivery now.
type hold struct {
	state pipeline.State
	claim int64
	run   int64
}

// inHand tells whether whoever has claimed it may still write about it.
func (s hold) inHand(w *write) bool {
	return s.is(w) && (s.state == pipeline.Claimed || s.state == pipeline.Sending)
}

// is tells whether the write's claim is the latest.
func (s hold) is(w *write) bool { return w.claim != 0 && s.claim == w.claim }

// holdOf reads how the write's delivery stands.
func (s *Store) holdOf(ctx context.Context, w *write) (now hold, err error) {
	var run *int64
	err = s.pool.QueryRow(ctx, `SELECT state, claim, run_id FROM deliveries WHERE id = $1`, w.id).Scan(&now.state, &now.claim, &run)
	if errors.Is(err, pgx.ErrNoRows) {
		return hold{}, nil
	}
	if err != nil {
		return hold{}, fmt.Errorf("look at delivery %d: %w", w.id, err)
	}
	if run != nil {
		now.run = *run
	}
	return now, nil
}

// stillOurs returns ErrClaimLost unless the delivery is in the write's hand.
func (s *Store) stillOurs(ctx context.Context, w *write) error {
	now, err := s.holdOf(ctx, w)
	if err == nil && (!now.inHand(w) || w.run != 0 && now.run != w.run) {
		err = ErrClaimLost
	}
	return err
}

// lockForReading locks the users of the deliveries, in one order, so that what is
// true of them stays so until the transaction ends. A change that came before is
// seen, one that comes later waits.
const lockForReading = `SELECT FROM deliveries d JOIN users u ON u.key = d.user_key
	WHERE d.id = ANY($1::bigint[]) ORDER BY u.key FOR SHARE OF u`

// lockForWriting does so where the users themselves change.
const lockForWriting = `SELECT FROM deliveries d JOIN users u ON u.key = d.user_key
	WHERE d.id = ANY($1::bigint[]) ORDER BY u.key FOR NO KEY UPDATE OF u`

// wholeDeliveries reads deliveries as [deliveries] does, those to pull first first.
// OFFSET 0 has the link be looked up by its number: a partial index of few links
// when the plan was made may have very many by now.
const wholeDeliveries = `SELECT ` + userColumns + `, ` + deliveryColumns + `
	FROM deliveries d
	JOIN users u ON u.key = d.user_key
	LEFT JOIN LATERAL (SELECT * FROM links WHERE id = d.link_id OFFSET 0) l ON l.superseded_at IS NULL AND l.sealed IS NOT NULL
	WHERE d.id = ANY($1::bigint[])
	ORDER BY d.operator DESC, d.due_at, d.id`

// whole reads what [wholeDeliveries] returned.
func (s *Store) whole(rows pgx.Rows, err error) ([]pipeline.Delivery, error) {
	key := s.key.Load()
	return collect(rows, err, func(rows pgx.Rows) (pipeline.Delivery, error) { return readDelivery(rows, key) })
}

// refused holds a delivery that breaks a rule of the database which nobody
// thought of: it is that row's own trouble, and must not stop everybody.
func refused(err error) error {
	if isConstraint(err) {
		return store.Refused(err)
	}
	return err
}
