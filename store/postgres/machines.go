package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Machine is one process of the fleet.
type Machine struct {
	ID        int64
	Name      string // unique; River's name for it, too
	Version   string // of alta
	Workers   int    // mails at once
	Lease     time.Duration
	StartedAt time.Time
	SeenAt    time.Time
	Draining  bool
	Leads     bool // River's leader: it rings the schedule
	Claimed   int  // mails that it prepares
	Sending   int  // mails that it has on the wire
	Runs      []int64
}

// joining is the advisory lock of whoever joins, so that of two machines that join
// at once the second one sees the first.
const joining = migrationLock + 1

// Join adds the machine to the fleet and returns its id.
func (s *Store) Join(ctx context.Context, m Machine, now time.Time) (id int64, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, joining); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO machines (name, version, workers, started_at, seen_at, lease) VALUES ($1, $2, $3, $4, $4, $5) RETURNING id`,
			m.Name, m.Version, m.Workers, now.UnixMilli(), m.Lease.Milliseconds()).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("join the fleet: %w", err)
	}
	return id, nil
}

// ErrForgotten says that the ledger knows nothing of a machine that works on it, as
// after a restore.
var ErrForgotten = errors.New("the ledger does not know this machine any more")

// Beat says that the machine lives, and returns those that do, in the order in
// which they joined. back tells that the others took it for gone and have settled
// what it had in hand. A machine that must not work on the ledger any more gets
// [ErrForgotten], [ErrTooOld] or [store.ErrWrongKey].
func (s *Store) Beat(ctx context.Context, id int64, draining bool, now time.Time, goneAfter time.Duration) (alive []Machine, back bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.maySettle(ctx, tx); err != nil {
			return err
		}
		// The old value, for away is reset in the same statement.
		err := tx.QueryRow(ctx, `UPDATE machines m SET seen_at = $2, draining = $3, away = false
			FROM (SELECT id, away FROM machines WHERE id = $1 FOR UPDATE) old WHERE m.id = old.id RETURNING old.away`,
			id, now.UnixMilli(), draining).Scan(&back)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrForgotten
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id, name, draining FROM machines WHERE seen_at > $1 ORDER BY id`, now.Add(-goneAfter).UnixMilli())
		alive, err = collect(rows, err, func(rows pgx.Rows) (m Machine, err error) {
			err = rows.Scan(&m.ID, &m.Name, &m.Draining)
			return m, err
		})
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("tell the fleet that this machine lives: %w", err)
	}
	return alive, back, nil
}

// Leave takes the machine out of the fleet; it has nothing in hand any more.
func (s *Store) Leave(ctx context.Context, id int64) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM machines WHERE id = $1`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("leave the fleet: %w", err)
	}
	return nil
}

// forgottenAfter is how long a machine that is gone is remembered. What it had in
// hand was settled long before, by its id.
const forgottenAfter = 24 * time.Hour

// Forget removes machines that have been gone for a day.
func (s *Store) Forget(ctx context.Context, now time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM machines m WHERE away AND seen_at < $1
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id IS NOT NULL AND d.machine_id = m.id)
		AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.finished_at IS NULL AND r.machine_id = m.id)`, now.Add(-forgottenAfter).UnixMilli())
	if err != nil {
		return fmt.Errorf("forget machines that are long gone: %w", err)
	}
	return nil
}

// Machines returns the machines of the fleet that have been seen within their
// lease, and what each does.
func (s *Store) Machines(ctx context.Context, now time.Time) ([]Machine, error) {
	rows, err := s.pool.Query(ctx, `SELECT m.id, m.name, m.version, m.workers, m.lease, m.started_at, m.seen_at, m.draining,
			coalesce(m.name = (SELECT leader_id FROM river_leader), false),
			(SELECT count(*) FROM deliveries d WHERE d.run_id IS NOT NULL AND d.machine_id = m.id AND d.state = 'claimed'),
			(SELECT count(*) FROM deliveries d WHERE d.run_id IS NOT NULL AND d.machine_id = m.id AND d.state = 'sending'),
			(SELECT coalesce(array_agg(r.id ORDER BY r.id), '{}') FROM runs r WHERE r.finished_at IS NULL AND r.machine_id = m.id)
		FROM machines m WHERE m.seen_at + m.lease >= $1 ORDER BY m.id`, now.UnixMilli())
	all, err := collect(rows, err, func(rows pgx.Rows) (m Machine, err error) {
		var lease int64
		var started, seen *int64
		err = rows.Scan(&m.ID, &m.Name, &m.Version, &m.Workers, &lease, &started, &seen, &m.Draining, &m.Leads, &m.Claimed, &m.Sending, &m.Runs)
		m.Lease, m.StartedAt, m.SeenAt = time.Duration(lease)*time.Millisecond, at(started), at(seen)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the machines: %w", err)
	}
	return all, nil
}

// OwnsJobs tells whether this role owns River's tables, or may act for who does.
func (s *Store) OwnsJobs(ctx context.Context) (owns bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('river_job')`).Scan(&owns)
	if err != nil {
		return false, fmt.Errorf("look at River's tables: %w", err)
	}
	return owns, nil
}
