package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Ticket returns what the token with that digest leads to. One that nobody knows,
// or whose user was erased, is an error that wraps [store.ErrNotFound].
func (s *Store) Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error) {
	t, err := findTicket(ctx, s.pool, digest)
	if err != nil {
		return pipeline.Ticket{}, fmt.Errorf("look the ticket up: %w", err)
	}
	return t.Ticket, nil
}

// ticket is what a token leads to, with its user as the ledger keeps it.
type ticket struct {
	pipeline.Ticket
	row keyedRow
}

const ticketQuery = `SELECT ` + rowColumns + `, l.id, l.dead_at IS NOT NULL,
		EXISTS (SELECT 1 FROM deliveries d WHERE d.user_key = u.key AND d.ended_at IS NULL AND d.state = 'held' AND d.code = $2)
	FROM links l JOIN users u ON u.key = l.user_key WHERE l.token = $1`

func findTicket(ctx context.Context, q querier, digest pipeline.TicketDigest) (t ticket, err error) {
	dest, finish := userDest(&t.row.User, &t.row.History)
	err = q.QueryRow(ctx, ticketQuery, digest[:], store.OperatorHold).
		Scan(append(dest, &t.row.Sourced, &t.row.Withdrawn, &t.row.AddressBad, &t.row.key, &t.LinkID, &t.Dead, &t.NoMail)...)
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.ErrNotFound
	}
	finish()
	store.KnowUser(&t.Ticket, t.row.UserRow)
	return t, err
}

// lockTicket finds a ticket whose user nobody else may change before the transaction
// ends, nor begin to mail. It is read once the lock is there, so that it is known
// what whoever had it before has done.
func lockTicket(ctx context.Context, tx pgx.Tx, digest pipeline.TicketDigest) (ticket, error) {
	_, err := tx.Exec(ctx, `SELECT FROM users WHERE key = (SELECT user_key FROM links WHERE token = $1) FOR NO KEY UPDATE`, digest[:])
	if err != nil {
		return ticket{}, err
	}
	return findTicket(ctx, tx, digest)
}
