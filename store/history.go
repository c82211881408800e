package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// DeliveryRecord is a delivery as an operator sees it, without its link.
type DeliveryRecord struct {
	ID        int64
	Step      pipeline.Step
	Round     int
	State     pipeline.State
	DueAt     time.Time
	Operator  bool
	Code      string
	Reason    string
	MessageID string
	Receipt   string
	UpdatedAt time.Time
	Link      LinkRecord
	Attempts  []AttemptRecord
}

// LinkRecord is what may be shown of a link: when, never where to.
type LinkRecord struct {
	IssuedAt   time.Time // zero when there is no link
	ExpiresAt  time.Time // zero for one that lasts
	Superseded bool
}

// AttemptRecord is one try at a delivery.
type AttemptRecord struct {
	At      time.Time
	Outcome pipeline.Outcome
	Code    string
	Reason  string
	Reply   string // the mail server's, verbatim
}

// Deliveries returns a user's deliveries with their attempts, oldest first.
func (s *Store) Deliveries(ctx context.Context, user string) ([]DeliveryRecord, error) {
	q := boundTo(ctx, s.reads)
	ds, err := rows(q, readDeliveryRecord, `SELECT d.id, d.step, d.round, d.state, d.due_at, d.operator, d.code, d.reason,
			d.message_id, d.receipt, d.updated_at, l.issued_at, l.expires_at, coalesce(l.superseded_at, 0) > 0
		FROM deliveries d JOIN users u ON u.key = d.user_key LEFT JOIN links l ON l.id = d.link_id
		WHERE u.id = ? ORDER BY d.id`, user)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries of user %s: %w", user, err)
	}
	for i := range ds {
		ds[i].Attempts, err = rows(q, readAttempt,
			`SELECT at, outcome, code, reason, reply FROM attempts WHERE delivery_id = ? ORDER BY id`, ds[i].ID)
		if err != nil {
			return nil, fmt.Errorf("read the attempts at delivery %d: %w", ds[i].ID, err)
		}
	}
	return ds, nil
}

func readDeliveryRecord(scan func(...any) error) (d DeliveryRecord, err error) {
	var due, updated, issued, expires sql.NullInt64
	err = scan(&d.ID, &d.Step, &d.Round, &d.State, &due, &d.Operator, &d.Code, &d.Reason,
		&d.MessageID, &d.Receipt, &updated, &issued, &expires, &d.Link.Superseded)
	d.DueAt, d.UpdatedAt = at(due), at(updated)
	d.Link.IssuedAt = at(issued)
	if expires.Valid {
		d.Link.ExpiresAt = ExpiresAt(expires.Int64)
	}
	return d, err
}

func readAttempt(scan func(...any) error) (a AttemptRecord, err error) {
	var when sql.NullInt64
	err = scan(&when, &a.Outcome, &a.Code, &a.Reason, &a.Reply)
	a.At = at(when)
	return a, err
}
