package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Pull claims up to n due deliveries, the operators' first, then those of each
// lane in turn, within what the run may still pull. Several machines pull beside
// each other: what one has locked the others pass over. It implements [pipeline.Puller].
func (q *Queue) Pull(ctx context.Context, now time.Time, n int) (pipeline.Batch, error) {
	var batch pipeline.Batch
	_, err := q.pull(ctx, now, n, &batch, true)
	return batch, err
}

// Claim is [Queue.Pull] for a queue whose jobs carry the deliveries on: it reads
// none of them, which is as much work as claiming them. It returns how many it
// claimed, and a batch without them.
func (q *Queue) Claim(ctx context.Context, now time.Time, n int) (claimed int, batch pipeline.Batch, err error) {
	claimed, err = q.pull(ctx, now, n, &batch, false)
	return claimed, batch, err
}

func (q *Queue) pull(ctx context.Context, now time.Time, n int, batch *pipeline.Batch, whole bool) (claimed int, err error) {
	err = q.store.durably(ctx, func(ctx context.Context, tx pgx.Tx) error {
		*batch, claimed = pipeline.Batch{}, 0
		p := &pull{Queue: q, tx: tx, now: now}
		var err error
		if p.limits, err = q.limits(ctx, tx); err != nil {
			return err
		}
		if batch.Pauses, err = pauses(ctx, tx); err != nil {
			return err
		}
		if err := p.choose(ctx, batch.Pauses, p.most(n)); err != nil || len(p.chosen) == 0 {
			return err
		}
		batch.Probe, claimed = p.probing(), len(p.chosen)
		if err := p.claim(ctx); err != nil || !whole {
			return err
		}
		batch.Deliveries, err = p.read(ctx)
		return err
	})
	return claimed, err
}

// pull is one pull under way.
type pull struct {
	*Queue
	tx     pgx.Tx
	now    time.Time
	limits limits
	chosen []choice // locked
}

// choice is a delivery to claim, and the pause that it probes, if any.
type choice struct {
	ClaimedDelivery
	probe *pipeline.Pause
}

// limits are what the run may still pull, nil without a limit.
type limits struct {
	atMost  *int // mails
	allowed *int // of those that no operator asked for
}

// limits reads what the run may still pull. Where it is bounded, the run's pulls
// come one after the other.
func (q *Queue) limits(ctx context.Context, tx pgx.Tx) (l limits, err error) {
	const look = `SELECT at_most, allowed FROM runs WHERE id = $1`
	err = tx.QueryRow(ctx, look, q.run).Scan(&l.atMost, &l.allowed)
	if err == nil && (l.atMost != nil || l.allowed != nil) {
		err = tx.QueryRow(ctx, look+` FOR NO KEY UPDATE`, q.run).Scan(&l.atMost, &l.allowed)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return l, fmt.Errorf("pull for run %d: %w", q.run, store.ErrNotFound)
	}
	return l, err
}

// most narrows n to what the run may still pull.
func (p *pull) most(n int) int {
	if p.limits.atMost != nil {
		n = min(n, *p.limits.atMost)
	}
	return max(n, 0)
}

// bounded narrows n to those that no operator asked for and that the run may still
// pull.
func (p *pull) bounded(n int) int {
	if p.limits.allowed == nil {
		return n
	}
	left := *p.limits.allowed
	for _, c := range p.chosen {
		if !c.Operator {
			left--
		}
	}
	return max(min(n, left), 0)
}

// operators returns the values of the column operator to pull, first the ones to
// pull first.
func (p *pull) operators() []bool {
	if p.only == store.OperatorsOnly || p.bounded(1) == 0 {
		return []bool{true}
	}
	return []bool{true, false}
}

func (p *pull) probing() bool {
	for _, c := range p.chosen {
		if c.probe != nil {
			return true
		}
	}
	return false
}

// claim makes the chosen deliveries the run's own.
func (p *pull) claim(ctx context.Context) error {
	jobs, err := p.insertJobs(ctx)
	if err != nil {
		return err
	}
	ids := each(p.chosen, func(c choice) int64 { return c.ID })
	ordinary := 0
	for _, c := range p.chosen {
		if !c.Operator {
			ordinary++
		}
	}
	var b pgx.Batch
	b.Queue(`UPDATE deliveries d SET state = 'claimed', run_id = $1, claim = nextval('claims'), machine_id = NULL,
			job_id = c.job, probe = c.probe, updated_at = $2
		FROM unnest($3::bigint[], $4::bigint[], $5::boolean[]) AS c (id, job, probe) WHERE d.id = c.id`,
		p.run, p.now.UnixMilli(), ids, jobs, each(p.chosen, func(c choice) bool { return c.probe != nil }))
	if p.limits.atMost != nil || p.limits.allowed != nil {
		b.Queue(`UPDATE runs SET at_most = at_most - $2, allowed = allowed - $3 WHERE id = $1`, p.run, len(ids), ordinary)
	}
	if err := p.tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("claim deliveries: %w", err)
	}
	return nil
}

// read returns the chosen deliveries whole.
func (p *pull) read(ctx context.Context) ([]pipeline.Delivery, error) {
	probes := map[int64]*pipeline.Pause{}
	for _, c := range p.chosen {
		if c.probe != nil {
			probes[c.ID] = c.probe
		}
	}
	ids := each(p.chosen, func(c choice) int64 { return c.ID })
	claimed, err := p.store.whole(p.tx.Query(ctx, wholeDeliveries, ids))
	for i := range claimed {
		claimed[i].Probe = probes[claimed[i].ID]
	}
	return claimed, err
}

// insertJobs returns a job for each of the chosen, or none for each.
func (p *pull) insertJobs(ctx context.Context) ([]*int64, error) {
	jobs := make([]*int64, len(p.chosen))
	if p.jobs == nil {
		return jobs, nil
	}
	// The order of the jobs is that in which they are worked: the operators' first,
	// then the ones that were planned first.
	slices.SortFunc(p.chosen, func(x, y choice) int {
		if x.Operator != y.Operator {
			return map[bool]int{true: -1, false: 1}[x.Operator]
		}
		return cmp.Compare(x.ID, y.ID)
	})
	ids, err := p.jobs(ctx, p.tx, each(p.chosen, func(c choice) ClaimedDelivery { return c.ClaimedDelivery }))
	if err != nil {
		return nil, fmt.Errorf("insert the jobs of what is claimed: %w", err)
	}
	if len(ids) != len(jobs) {
		return nil, fmt.Errorf("insert the jobs of what is claimed: got %d for %d deliveries", len(ids), len(jobs))
	}
	for i := range ids {
		jobs[i] = &ids[i]
	}
	return jobs, nil
}
