package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

const eventColumns = `e.id, e.name, e.type, e.at, coalesce(u.id, ''), coalesce(u.external_id, ''), e.step, e.round, e.code, e.state, e.tries, e.next_at, e.said`

// NoteEvents begins to note events, whichever machine makes them, or ends it. What was
// noted before stays.
func (s *Store) NoteEvents(ctx context.Context, on bool) error {
	statement := `DELETE FROM events_on`
	if on {
		statement = `INSERT INTO events_on VALUES (true) ON CONFLICT DO NOTHING`
	}
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement)
		return err
	})
	if err != nil {
		return fmt.Errorf("note events: %w", err)
	}
	return nil
}

// EventsNoted tells whether events are noted.
func (s *Store) EventsNoted(ctx context.Context) (on bool, err error) {
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM events_on)`).Scan(&on); err != nil {
		return false, fmt.Errorf("look whether events are noted: %w", err)
	}
	return on, nil
}

// ClaimEvents takes up to n events whose delivery is due, the longest due first, that
// no other machine takes this moment. Each counts one try more, and is due again at
// lost unless [Store.SettleEvent] comes before.
func (s *Store) ClaimEvents(ctx context.Context, n int, lost, now time.Time) (claimed []store.Event, err error) {
	var due bool
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE state = 'waiting' AND next_at <= $1)`, ms(now)).Scan(&due); err != nil || !due {
		return nil, err
	}
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `WITH e AS (
				UPDATE events SET tries = tries + 1, next_at = $1 WHERE id IN (SELECT id FROM events
					WHERE state = 'waiting' AND next_at <= $2 ORDER BY next_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *)
			SELECT `+eventColumns+` FROM e LEFT JOIN users u ON u.key = e.user_key ORDER BY e.id`, ms(lost), ms(now), n)
		claimed, err = collect(rows, err, readEvent)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim events: %w", err)
	}
	return claimed, nil
}

// SettleEvent writes down what came of the try that e was claimed for. One that counts
// as lost meanwhile changes nothing.
func (s *Store) SettleEvent(ctx context.Context, e store.Event, t store.EventTry) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE events SET state = $1, next_at = coalesce($2, next_at), said = $3 WHERE id = $4 AND tries = $5 AND state = 'waiting'`,
			t.State, ms(t.NextAt), text(t.Said), e.ID, e.Tries)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle event %d: %w", e.ID, err)
	}
	return nil
}

// Events returns up to n events behind the one with that number, in their order. One
// whose number another, that is not committed yet, can still come before stays back.
func (s *Store) Events(ctx context.Context, after int64, n int) ([]store.Event, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+eventColumns+` FROM events e LEFT JOIN users u ON u.key = e.user_key
		WHERE e.id > $1 AND e.tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY e.id LIMIT $2`, after, n)
	page, err := collect(rows, err, readEvent)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return page, nil
}

// ForgetEvents drops what happened before that time, told or not.
func (s *Store) ForgetEvents(ctx context.Context, before time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 FOR UPDATE SKIP LOCKED)`, ms(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget events: %w", err)
	}
	return nil
}

func readEvent(rows pgx.Rows) (e store.Event, err error) {
	var happened, next *int64
	err = rows.Scan(&e.ID, &e.Name, &e.Type, &happened, &e.UserID, &e.ExternalID, &e.Step, &e.Round, &e.Code, &e.State, &e.Tries, &next, &e.Said)
	e.At = at(happened)
	if e.State == store.EventWaiting {
		e.NextAt = at(next)
	}
	return e, err
}
