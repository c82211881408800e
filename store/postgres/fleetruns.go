package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// FleetRun is a run as the machine knows it that pulls for it. All of it stands
// in the ledger, so that another machine can go on with it.
type FleetRun struct {
	ID         int64
	Trigger    store.Trigger
	Slot       time.Time
	StartedAt  time.Time
	AtMost     int       // mails that it may still pull; 0 is no limit
	Prepared   bool      // the source was pulled and the guard asked
	ApprovedAt time.Time // of the approval that it goes by, zero for none
}

// Opening says for which job of River's a run is opened, by which machine.
type Opening struct {
	Run     int64 // the run to go on with, 0 for a new one
	Job     int64
	Machine int64
	Trigger store.Trigger
	Slot    time.Time // the moment of the schedule that it serves, if any
	AtMost  int       // mails that it may pull; 0 is no limit
	MinGap  time.Duration
}

// opening is the advisory lock of whoever begins a run.
const opening = migrationLock + 2

// OpenRun begins the run of a job, or goes on with it where the job is made again
// or another machine began it. ok is false when there is nothing to do: a run
// serves that slot already, a run of the schedule still goes on and takes what falls
// due meanwhile, or this one has ended.
func (s *Store) OpenRun(ctx context.Context, o Opening, now time.Time) (r FleetRun, ok bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		r, ok = FleetRun{}, false
		const columns = ` RETURNING id, trigger, slot, started_at, coalesce(at_most, 0), prepared, approved_at`
		scan := func(row pgx.Row) error {
			var slot, started, approved *int64
			err := row.Scan(&r.ID, &r.Trigger, &slot, &started, &r.AtMost, &r.Prepared, &approved)
			r.Slot, r.StartedAt, r.ApprovedAt = at(slot), at(started), at(approved)
			ok = err == nil
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		}
		if err := scan(tx.QueryRow(ctx, `UPDATE runs SET job_id = $1, machine_id = $2 WHERE finished_at IS NULL AND (id = $3 OR job_id = $1)`+columns,
			o.Job, o.Machine, o.Run)); err != nil || ok || o.Run != 0 {
			return err
		}
		// Two that come at once would not see each other's run.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, opening); err != nil {
			return err
		}
		var atMost *int
		if o.AtMost > 0 {
			atMost = &o.AtMost
		}
		return scan(tx.QueryRow(ctx, `INSERT INTO runs (trigger, slot, min_gap, started_at, asked_by, job_id, machine_id, at_most)
			SELECT $1, $2, $3, $4, $5, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM runs
				WHERE asked_by = $5 OR finished_at IS NULL AND trigger = 'schedule' AND $1 = 'schedule') ON CONFLICT (slot) DO NOTHING`+columns,
			o.Trigger, ms(o.Slot), o.MinGap.Milliseconds(), now.UnixMilli(), o.Job, o.Machine, atMost))
	})
	if err != nil {
		return r, false, fmt.Errorf("open a run: %w", err)
	}
	return r, ok, nil
}

// ErrRunLost says that a machine does not pull for a run any more: another one has
// taken it over, or it has ended.
var ErrRunLost = errors.New("another machine has taken the run over, or it has ended")

// PrepareRun notes what the guard lets the run do, so that whoever goes on with it
// asks for nothing again. It returns [ErrRunLost] to a machine whose run it is not, or
// that finds it prepared.
func (s *Store) PrepareRun(ctx context.Context, run, machine int64, a pipeline.Allowance, approvedAt time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var most *int
		if a.Most > 0 {
			most = &a.Most
		}
		prepared, err := tx.Exec(ctx, `UPDATE runs SET prepared = true, allowed = $3, approved_at = $4 WHERE id = $1 AND machine_id = $2 AND NOT prepared AND finished_at IS NULL`,
			run, machine, most, ms(approvedAt))
		if err == nil && prepared.RowsAffected() == 0 {
			return ErrRunLost
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("prepare run %d: %w", run, err)
	}
	return nil
}

// Progress is how far a run has got.
type Progress struct {
	Report  pipeline.Report // of what was settled, by all machines
	InHand  int             // claimed or sending
	Machine int64           // that pulls for it; 0 while its job waits
	Error   string          // of a run that has ended
}

// Progress sums up what the machines did in the run.
func (s *Store) Progress(ctx context.Context, run int64) (p Progress, err error) {
	r := &p.Report
	err = s.pool.QueryRow(ctx, `SELECT coalesce(sum(c.selected), 0), coalesce(sum(c.sent), 0), coalesce(sum(c.retry), 0), coalesce(sum(c.failed), 0),
			coalesce(sum(c.held), 0), coalesce(sum(c.doubt), 0), coalesce(sum(c.cancelled), 0), coalesce(sum(c.minted), 0), coalesce(max(c.outage), ''),
			(SELECT count(*) FROM deliveries d WHERE d.run_id = $1)
		FROM run_counts c WHERE c.run_id = $1`, run).Scan(
		&r.Selected, &r.Sent, &r.Retry, &r.Failed, &r.Held, &r.Doubt, &r.Cancelled, &r.Minted, &r.Outage, &p.InHand)
	if err == nil {
		var outage string
		err = s.pool.QueryRow(ctx, `SELECT outage, error, coalesce(machine_id, 0) FROM runs WHERE id = $1`, run).Scan(&outage, &p.Error, &p.Machine)
		if outage != "" {
			r.Outage = outage
		}
	}
	if err != nil {
		return p, fmt.Errorf("read the progress of run %d: %w", run, err)
	}
	return p, nil
}

// Begun is what whoever waits for a run looks at again and again.
type Begun struct {
	Run     int64 // 0 before it has begun
	Machine int64 // that pulls for it; 0 while its job waits
	Ended   bool
}

// RunOfJob returns the run that a job of River's began.
func (s *Store) RunOfJob(ctx context.Context, job int64) (b Begun, err error) {
	err = s.pool.QueryRow(ctx, `SELECT id, coalesce(machine_id, 0), finished_at IS NOT NULL FROM runs WHERE asked_by = $1`, job).Scan(&b.Run, &b.Machine, &b.Ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return Begun{}, nil
	}
	return b, err
}

// Carry inserts a job that goes on with a run, in the given transaction.
type Carry func(ctx context.Context, tx pgx.Tx, run int64) (job int64, err error)

// HandOver gives the run to whichever machine takes the job that carry inserts.
// from is the machine that had it.
func (s *Store) HandOver(ctx context.Context, run, from int64, carry Carry) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT id FROM runs WHERE id = $1 AND machine_id = $2 AND finished_at IS NULL FOR UPDATE`, run, from).Scan(&run)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another machine has it already
		}
		if err != nil {
			return err
		}
		return passOn(ctx, tx, run, carry)
	})
	if err != nil {
		return fmt.Errorf("hand run %d over: %w", run, err)
	}
	return nil
}

// PassOn gives away the runs whose machine had not been seen for its lease at the
// time seen, or whose job is gone, and returns how many.
func (s *Store) PassOn(ctx context.Context, seen time.Time, carry Carry) (n int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		runs, err := column[int64](ctx, tx, `SELECT r.id FROM runs r WHERE r.finished_at IS NULL AND r.job_id IS NOT NULL
			AND `+forsaken("r")+` FOR UPDATE OF r SKIP LOCKED`, seen.UnixMilli())
		if err != nil {
			return err
		}
		for _, run := range runs {
			if err := passOn(ctx, tx, run, carry); err != nil {
				return err
			}
		}
		n = len(runs)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("pass on the runs of machines that are gone: %w", err)
	}
	return n, nil
}

func passOn(ctx context.Context, tx pgx.Tx, run int64, carry Carry) error {
	job, err := carry(ctx, tx, run)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE runs SET job_id = $2, machine_id = NULL WHERE id = $1`, run, job)
	return err
}

// OfferAgain gives the jobs that make runs, and have begun none, to whichever machine
// takes them next, where the one that got them is gone or never heard of it. Of what
// such a job is for the ledger knows nothing yet; one that goes on with a run is
// [Store.PassOn]'s. It returns how many there were; seen is as there.
func (s *Store) OfferAgain(ctx context.Context, kind string, seen time.Time) (n int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		offered, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = pg_catalog.now() WHERE id IN (
			SELECT r.id FROM river_job r WHERE r.kind = $2 AND r.state = 'running' AND NOT r.args ? 'run'
				AND NOT EXISTS (SELECT 1 FROM runs WHERE job_id = r.id OR asked_by = r.id)
				AND NOT EXISTS (SELECT 1 FROM machines m WHERE m.name = r.attempted_by[array_upper(r.attempted_by, 1)]
					AND NOT m.away AND m.seen_at + m.lease >= $1 AND r.attempted_at + m.lease * interval '1 millisecond' > pg_catalog.now())
			FOR UPDATE SKIP LOCKED)`, seen.UnixMilli(), kind)
		n = int(offered.RowsAffected())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("offer the runs again that nobody has begun: %w", err)
	}
	return n, nil
}

// Release puts back what the run has claimed and no machine has taken yet, as if
// it had not been claimed. The jobs that wait for it find nothing to do.
func (s *Store) Release(ctx context.Context, run int64, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'due', run_id = NULL, job_id = NULL, probe = false, claim = nextval('claims'), updated_at = $2
			WHERE id IN (SELECT id FROM deliveries WHERE run_id = $1 AND state = 'claimed' AND machine_id IS NULL FOR UPDATE SKIP LOCKED)`, run, now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("put back what run %d has claimed: %w", run, err)
	}
	return nil
}

// HoldAlone keeps machines from joining until release, if there are none. Where
// there are, the error wraps [store.ErrLocked] and names them.
func (s *Store) HoldAlone(ctx context.Context, now time.Time) (release func() error, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the ledger: %w", err)
	}
	release = func() error {
		defer conn.Release()
		_, err := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, joining)
		return err
	}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, joining); err != nil {
		conn.Release()
		return nil, fmt.Errorf("keep machines from joining: %w", err)
	}
	machines, err := s.Machines(ctx, now)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	if len(machines) > 0 {
		names := make([]string, len(machines))
		for i, m := range machines {
			names[i] = m.Name
		}
		return nil, errors.Join(fmt.Errorf("%w (%s)", store.ErrLocked, strings.Join(names, ", ")), release())
	}
	return release, nil
}

// Idles tells whether no run is under way, and none waits for a machine, and the
// latest that met an outage ended before the given time: another one would meet the
// same. kind is that of the jobs that make runs.
func (s *Store) Idles(ctx context.Context, kind string, before time.Time) (idle bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT NOT EXISTS (SELECT 1 FROM runs WHERE finished_at IS NULL)
		AND NOT EXISTS (SELECT 1 FROM river_job WHERE kind = $1 AND state IN ('available', 'running', 'retryable'))
		AND coalesce((SELECT finished_at FROM runs WHERE outage <> '' ORDER BY id DESC LIMIT 1), 0) < $2`, kind, before.UnixMilli()).Scan(&idle)
	if err != nil {
		return false, fmt.Errorf("look for a run: %w", err)
	}
	return idle, nil
}
