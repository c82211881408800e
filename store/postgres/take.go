package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// What is how a machine finds a delivery that it takes.
type What int

// How a machine finds a delivery that it takes.
const (
	Gone        What = iota // it is not the job's any more: settled, or taken back and given to another
	Fresh                   // claimed, and nobody has had it
	Interrupted             // claimed, but a machine had it: a mint may have been under way
	InDoubt                 // a machine had begun it: the mail may have left
	Paused                  // claimed, and a pause has come that it does not probe
)

// Taken is a delivery in the hand of a machine.
type Taken struct {
	What     What
	Delivery pipeline.Delivery // whole, under a new claim; zero when it is gone
	Run      int64             // whose delivery it is
}

// taking is a delivery that is being taken.
type taking struct {
	write
	job, machine int64
	state        pipeline.State
	had          bool // by a machine
	probe        bool
	taken        Taken
}

// Take makes a delivery, for which River has given this machine the job, the
// machine's own under a new claim: whoever had it before can write nothing about it
// any more.
func (q *Queue) Take(ctx context.Context, delivery, job int64, now time.Time) (Taken, error) {
	t := &taking{write: write{id: delivery}, job: job, machine: q.machine}
	if err := q.store.batches.take.do(ctx, t); err != nil {
		return Taken{}, fmt.Errorf("take delivery %d: %w", delivery, err)
	}
	return t.taken, nil
}

// The rows are locked before they are looked at, so that of two machines with the
// same job each sees what the other has done.
const takeMails = `UPDATE deliveries d SET claim = nextval('claims'), machine_id = was.machine
	FROM (SELECT i.place, i.machine, d.id, d.machine_id
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS i (id, job, machine, place)
		JOIN deliveries d ON d.id = i.id
		WHERE d.job_id = i.job AND d.state IN ('claimed', 'sending')
		ORDER BY d.id FOR NO KEY UPDATE OF d) was
	WHERE d.id = was.id
	RETURNING was.place, d.claim, d.state, coalesce(d.run_id, 0), was.machine_id IS NOT NULL, d.probe`

// readPauses reads the pauses in force, as [pauses] does.
const readPauses = `SELECT country, type, code, reason, minting, since, probe_at FROM pauses ORDER BY country, type`

// takeTogether claims the deliveries and reads them, in one round trip.
func (s *Store) takeTogether(ctx context.Context, items []*taking) error {
	ids := each(items, func(t *taking) int64 { return t.id })
	whole := map[int64]pipeline.Delivery{} // by its claim
	var stops []pipeline.Pause

	b := newBatch()
	b.Queue(takeMails, ids,
		each(items, func(t *taking) int64 { return t.job }),
		each(items, func(t *taking) int64 { return t.machine }),
	).Query(func(rows pgx.Rows) error {
		var place int64
		var now taking
		_, err := pgx.ForEachRow(rows, []any{&place, &now.claim, &now.state, &now.run, &now.had, &now.probe}, func() error {
			t := items[place-1]
			t.claim, t.state, t.run, t.had, t.probe = now.claim, now.state, now.run, now.had, now.probe
			return nil
		})
		return err
	})
	b.Queue(wholeDeliveries, ids).Query(func(rows pgx.Rows) error {
		read, err := s.whole(rows, nil)
		for _, d := range read {
			whole[d.Claim] = d
		}
		return err
	})
	b.Queue(readPauses).Query(func(rows pgx.Rows) error {
		var p pipeline.Pause
		var since, probe *int64
		_, err := pgx.ForEachRow(rows, []any{&p.Country, &p.Type, &p.Code, &p.Reason, &p.Minting, &since, &probe}, func() error {
			p.Since, p.ProbeAt = at(since), at(probe)
			stops = append(stops, p)
			return nil
		})
		return err
	})
	for _, t := range items {
		t.claim, t.taken = 0, Taken{}
	}
	if err := s.pipelined(ctx, b); err != nil {
		return err
	}
	for _, t := range items {
		t.done = true
		if t.claim != 0 { // else it is gone
			t.taken = t.found(whole[t.claim], stops)
		}
	}
	return nil
}

// takeAlone does the same for one that could not be taken with others.
func (s *Store) takeAlone(ctx context.Context, t *taking) error {
	return s.takeTogether(ctx, []*taking{t})
}

// found says what the delivery is to the machine that has just taken it. That
// another machine had it says more than a pause: what it left behind must be
// settled either way.
func (t *taking) found(d pipeline.Delivery, standing []pipeline.Pause) Taken {
	stops := covering(d.User, standing)
	// Where two pauses stop it, it can only probe the one that came first.
	probes := t.probe && len(stops) == 1
	if probes {
		d.Probe = stops[0]
	}
	taken := Taken{What: Fresh, Delivery: d, Run: t.run}
	switch {
	case t.state == pipeline.Sending:
		taken.What = InDoubt
	case t.had:
		taken.What = Interrupted
	case len(stops) > 0 && !probes:
		taken.What = Paused
	}
	return taken
}

// covering returns the pauses that stop mail to the user.
func covering(u pipeline.User, standing []pipeline.Pause) (stops []*pipeline.Pause) {
	for i, p := range standing {
		if p.IsOutage() || p.Country == u.Country && p.Type == u.Type {
			stops = append(stops, &standing[i])
		}
	}
	return stops
}
