package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// Outlook returns what the guard judges a run at now by. An outage counts as
// over once it may be probed, since all that is due follows a probe that gets
// through; a lane that is paused counts as closed.
func (s *Store) Outlook(ctx context.Context, now time.Time) (pipeline.Outlook, error) {
	var o pipeline.Outlook
	// One transaction, so that the figures belong together.
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return o, fmt.Errorf("read the outlook: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if o.Due, err = countUnasked(tx, now); err == nil {
		// SQLite uses the index runs_mailed only for its own condition, word for word.
		o.Sent, err = column[int](tx, `SELECT sent FROM runs WHERE sent > 0 AND trigger <> 'resend' ORDER BY id DESC LIMIT ?`, pipeline.GuardRuns)
	}
	if err == nil {
		o.Approval, err = approval(tx, now)
	}
	if err != nil {
		return o, fmt.Errorf("read the outlook: %w", err)
	}
	return o, nil
}

// countUnasked counts what is due at now, is not paused, and no operator asked
// for.
func countUnasked(tx *sql.Tx, now time.Time) (int, error) {
	paused, err := pauses(tx)
	if err != nil {
		return 0, err
	}
	waiting, err := countDue(tx, now)
	return Unasked(waiting, paused, now), err
}

// inForce is the condition under which an approval counts. One that was given in
// the future lies before a step of the clock, and nobody knows its age.
const inForce = ` FROM approval WHERE given_at <= ?1 AND ends_at > ?1`

func approval(tx *sql.Tx, now time.Time) (a pipeline.Approval, err error) {
	var given, ends sql.NullInt64
	err = tx.QueryRow(`SELECT due, mails, given_at, ends_at`+inForce, now.UnixMilli()).Scan(&a.Due, &a.Mails, &given, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return pipeline.Approval{}, nil
	}
	a.GivenAt, a.EndsAt = at(given), at(ends)
	return a, err
}

// Approve writes an approval down in place of the one before, and audits it.
func (s *Store) Approve(ctx context.Context, a pipeline.Approval, by Act) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT OR REPLACE INTO approval (one, due, mails, given_at, ends_at) VALUES (1, ?, ?, ?, ?)`,
			a.Due, a.Mails, ms(a.GivenAt), ms(a.EndsAt)); err != nil {
			return err
		}
		return addAudit(tx, by, "approve", "", ApprovalDetail(a), a.GivenAt)
	})
	if err != nil {
		return fmt.Errorf("approve a run: %w", err)
	}
	return nil
}

// ApprovalWaits tells whether an approval is in force and no run has begun since.
func (s *Store) ApprovalWaits(ctx context.Context, now time.Time) (waits bool, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1`+inForce+` AND taken = 0)`, now.UnixMilli()).Scan(&waits)
	return waits, err
}

// TakeApproval notes that a run has begun since the approval was given, so that
// nobody waits for one.
func (s *Store) TakeApproval(ctx context.Context, a pipeline.Approval) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE approval SET taken = 1 WHERE given_at = ?`, ms(a.GivenAt))
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
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE approval SET mails = max(mails - ?, 0) WHERE given_at = ?`, mails, ms(a.GivenAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("spend the approval: %w", err)
	}
	return nil
}
