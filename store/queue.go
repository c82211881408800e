package store

import (
	"context"
	"database/sql"
	"encoding/json"
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
		if p.Ripe(now) && len(chosen) < n {
			probes, err := q.probe(tx, []lane{one}, p, now)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, probes...)
		}
	}
	if outage != nil {
		if !outage.Ripe(now) || n < 1 {
			return nil, nil
		}
		return q.probe(tx, open, outage, now)
	}
	for _, operator := range q.only.operators() {
		waiting := make([][]int64, 0, len(open))
		for _, l := range open {
			// The casts spare SQLite to compile it anew for each lane: a bare parameter
			// is matched against the partial indexes by its value.
			ids, err := column[int64](tx, `SELECT id FROM deliveries
				WHERE state = 'due' AND country = CAST(? AS TEXT) AND type = CAST(? AS TEXT) AND operator = CAST(? AS INTEGER) AND due_at <= ?
				ORDER BY due_at LIMIT CAST(? AS INTEGER)`,
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
	if _, err := tx.Exec(`UPDATE OR FAIL deliveries SET state = 'claimed', run_id = ?, updated_at = ?
		WHERE id IN (SELECT value FROM json_each(?))`, q.run, ms(now), string(list)); err != nil {
		return nil, false, err
	}
	claimed, err = deliveries(tx, q.store.key.Load(), `WHERE d.id IN (SELECT value FROM json_each(?))
		ORDER BY d.operator DESC, d.due_at, d.id`, string(list))
	for i := range claimed {
		claimed[i].Probe = probes[claimed[i].ID]
	}
	return claimed, len(probes) > 0, err
}
