package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// never is how a ledger writes the end of a link that lasts: the last moment of
// the year 9999, in milliseconds since the Unix epoch.
const never = 253402300799999

// ExpiresMS is how a ledger writes the end of a link, in milliseconds since the
// Unix epoch. The zero time, of a link that lasts, is a moment beyond any other.
func ExpiresMS(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

// ExpiresAt is how a ledger reads the end of a link: the zero time for one that
// lasts.
func ExpiresAt(ms int64) time.Time {
	if ms == never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Ticket returns what the token of that digest leads to. It wraps [ErrNotFound] when
// nobody has it, or the user was erased.
func (s *Store) Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error) {
	t, _, err := findTicket(boundTo(ctx, s.reads), digest)
	if err != nil {
		return pipeline.Ticket{}, fmt.Errorf("find a ticket: %w", err)
	}
	return t, nil
}

// findTicket returns the ticket, and its user as the ledger keeps the one.
func findTicket(q querier, digest pipeline.TicketDigest) (t pipeline.Ticket, row UserRow, err error) {
	found, err := rows(q, func(scan func(...any) error) (_ struct{}, err error) {
		dest, finish := userDest(&row.User, &row.History)
		err = scan(append(dest, &row.Sourced, &row.Withdrawn, &row.AddressBad, &t.LinkID, &t.Dead, &t.NoMail)...)
		finish()
		return struct{}{}, err
	}, `SELECT `+userColumns+`, u.sourced, u.withdrawn, u.address_bad, l.id, l.dead_at IS NOT NULL,
			EXISTS (SELECT 1 FROM deliveries d WHERE d.user_key = u.key AND d.ended_at IS NULL AND d.state = 'held' AND d.code = ?2)
		FROM links l JOIN users u ON u.key = l.user_key WHERE l.token = CAST(?1 AS BLOB)`, digest[:], OperatorHold)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return pipeline.Ticket{}, UserRow{}, err
	}
	KnowUser(&t, row)
	return t, row, nil
}

// digestOf reads a token's digest, nil for a link that has none.
func digestOf(token []byte) (*pipeline.TicketDigest, error) {
	if token == nil {
		return nil, nil
	}
	if len(token) != len(pipeline.TicketDigest{}) {
		return nil, errors.New("the digest of a token has another length")
	}
	d := pipeline.TicketDigest(token)
	return &d, nil
}

// tokenOf is how the ledger writes a link's token, NULL for none.
func tokenOf(l pipeline.Link) any {
	if l.Ticket == nil {
		return nil
	}
	return l.Ticket[:]
}

// forgetURL wipes the URL of a lasting link once its mail has ended: whoever has the
// mail needs no more than the digest, and nobody else needs any.
func forgetURL(tx *sql.Tx, d *pipeline.Delivery) error {
	_, err := tx.Exec(`UPDATE links SET sealed = NULL WHERE id = ?`, d.Link.ID)
	if err != nil {
		return fmt.Errorf("forget the link of delivery %d: %w", d.ID, err)
	}
	return nil
}
