package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Outlook returns what the guard judges a run at now by. An outage counts as
// over once it may be probed, since all that is due follows a probe that gets
// through; a lane that is paused counts as closed.
func (s *Store) Outlook(ctx context.Context, now time.Time) (o pipeline.Outlook, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		paused, err := pauses(ctx, tx)
		if err != nil {
			return err
		}
		waiting, err := countDue(ctx, tx, now)
		if err != nil {
			return err
		}
		o.Due = store.Unasked(waiting, paused, now)
		o.Sent, err = column[int](ctx, tx, `SELECT sent FROM runs WHERE sent > 0 AND trigger <> 'resend' ORDER BY id DESC LIMIT $1`, pipeline.GuardRuns)
		if err != nil {
			return err
		}
		o.Approval, err = approval(ctx, tx, now)
		return err
	})
	if err != nil {
		return pipeline.Outlook{}, fmt.Errorf("read the outlook: %w", err)
	}
	return o, nil
}

// inForce is the condition under which an approval counts. One that was given in
// the future lies before a step of the clock, and nobody knows its age.
const inForce = ` FROM approval WHERE given_at <= $1 AND ends_at > $1`

func approval(ctx context.Context, q querier, now time.Time) (a pipeline.Approval, err error) {
	var given, ends *int64
	err = q.QueryRow(ctx, `SELECT due, mails, given_at, ends_at`+inForce, now.UnixMilli()).Scan(&a.Due, &a.Mails, &given, &ends)
	if errors.Is(err, pgx.ErrNoRows) {
		return pipeline.Approval{}, nil
	}
	a.GivenAt, a.EndsAt = at(given), at(ends)
	return a, err
}

// Approve writes an approval down in place of the one before, and audits it.
func (s *Store) Approve(ctx context.Context, a pipeline.Approval, by store.Act) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO approval (due, mails, given_at, ends_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (one) DO UPDATE SET due = excluded.due, mails = excluded.mails, given_at = excluded.given_at, ends_at = excluded.ends_at, taken = false`,
			a.Due, a.Mails, ms(a.GivenAt), ms(a.EndsAt)); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "approve", "", store.ApprovalDetail(a), a.GivenAt)
	})
	if err != nil {
		return fmt.Errorf("approve a run: %w", err)
	}
	return nil
}

// ApprovalWaits tells whether an approval is in force and no run has begun since.
func (s *Store) ApprovalWaits(ctx context.Context, now time.Time) (waits bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1`+inForce+` AND NOT taken)`, now.UnixMilli()).Scan(&waits)
	return waits, err
}

// TakeApproval notes that a run has begun since the approval was given, so that
// nobody waits for one.
func (s *Store) TakeApproval(ctx context.Context, a pipeline.Approval) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE approval SET taken = true WHERE given_at = $1`, ms(a.GivenAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("take the approval: %w", err)
	}
	return nil
}

// SpendApproval takes off the mails that went by the approval, unless another
// one has taken its place.
func (s *Store) SpendApproval(ctx context.Context, a pipeline.Approval, mails int) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return spendApproval(ctx, tx, a.GivenAt, mails)
	})
	if err != nil {
		return fmt.Errorf("spend the approval: %w", err)
	}
	return nil
}

func spendApproval(ctx context.Context, tx pgx.Tx, givenAt time.Time, mails int) error {
	_, err := tx.Exec(ctx, `UPDATE approval SET mails = greatest(mails - $1, 0) WHERE given_at = $2`, mails, ms(givenAt))
	return err
}
