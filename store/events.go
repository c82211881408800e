package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"alta/pipeline"
)

// EventType is what kind of thing happened.
type EventType string

// The types of events.
const (
	MailSent     EventType = "mail.sent"
	MailFailed   EventType = "mail.failed"
	LinkOpened   EventType = "link.opened"
	UserVerified EventType = "user.verified"
	RunOutage    EventType = "run.outage"
)

// EventState is how far the delivery of an event has come.
type EventState string

// The states of an event.
const (
	EventWaiting   EventState = "waiting"
	EventDelivered EventState = "delivered"
	EventGivenUp   EventState = "given_up"
)

// Event is something that happened, and how its delivery went. It holds no link, no
// address and no name.
type Event struct {
	ID         int64
	Name       string // unique in the world, and the same at each try
	Type       EventType
	At         time.Time
	UserID     string // "" for what is about all
	ExternalID string // "" for a user who has none, or was erased
	Step       pipeline.Step
	Round      int
	Code       string // why, with [MailFailed] and [RunOutage]
	State      EventState
	Tries      int
	NextAt     time.Time // of the next try, while it waits
	Said       string    // to the latest try
}

// EventTry is what came of a try to deliver an event.
type EventTry struct {
	State  EventState
	NextAt time.Time // with [EventWaiting]
	Said   string
}

const eventColumns = `e.id, e.name, e.type, e.at, coalesce(u.id, ''), coalesce(u.external_id, ''), e.step, e.round, e.code, e.state, e.tries, e.next_at, e.said`

// NoteEvents begins to note events, whichever process makes them, or ends it. What was
// noted before stays.
func (s *Store) NoteEvents(ctx context.Context, on bool) error {
	statement := `DELETE FROM events_on`
	if on {
		statement = `INSERT INTO events_on VALUES (1) ON CONFLICT DO NOTHING`
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(statement)
		return err
	})
	if err != nil {
		return fmt.Errorf("note events: %w", err)
	}
	return nil
}

// EventsNoted tells whether events are noted.
func (s *Store) EventsNoted(ctx context.Context) (on bool, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM events_on)`).Scan(&on)
	if err != nil {
		return false, fmt.Errorf("look whether events are noted: %w", err)
	}
	return on, nil
}

// ClaimEvents takes up to n events whose delivery is due, the longest due first. Each
// counts one try more, and is due again at lost unless [Store.SettleEvent] comes before.
func (s *Store) ClaimEvents(ctx context.Context, n int, lost, now time.Time) (claimed []Event, err error) {
	const due = `FROM events WHERE state = 'waiting' AND next_at <= ?`
	var any bool
	if err := s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 `+due+`)`, ms(now)).Scan(&any); err != nil || !any {
		return nil, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		ids, err := column[int64](tx, `UPDATE events SET tries = tries + 1, next_at = ? WHERE id IN (SELECT id `+due+` ORDER BY next_at, id LIMIT ?) RETURNING id`,
			ms(lost), ms(now), n)
		claimed = make([]Event, 0, len(ids))
		for _, id := range ids {
			e, err := rows(tx, readEvent, `SELECT `+eventColumns+` FROM events e LEFT JOIN users u ON u.key = e.user_key WHERE e.id = ?`, id)
			if err != nil {
				return err
			}
			claimed = append(claimed, e...)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim events: %w", err)
	}
	return claimed, nil
}

// SettleEvent writes down what came of the try that e was claimed for. One that counts
// as lost meanwhile changes nothing.
func (s *Store) SettleEvent(ctx context.Context, e Event, t EventTry) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE events SET state = ?1, next_at = coalesce(?2, next_at), said = ?3 WHERE id = ?4 AND tries = ?5 AND state = 'waiting'`,
			t.State, ms(t.NextAt), plain(t.Said), e.ID, e.Tries)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle event %d: %w", e.ID, err)
	}
	return nil
}

// Events returns up to n events behind the one with that number, in their order.
func (s *Store) Events(ctx context.Context, after int64, n int) ([]Event, error) {
	page, err := rows(boundTo(ctx, s.reads), readEvent,
		`SELECT `+eventColumns+` FROM events e LEFT JOIN users u ON u.key = e.user_key WHERE e.id > ? ORDER BY e.id LIMIT ?`, after, n)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return page, nil
}

// ForgetEvents drops what happened before that time, told or not.
func (s *Store) ForgetEvents(ctx context.Context, before time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM events WHERE at < ?`, ms(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget events: %w", err)
	}
	return nil
}

func readEvent(scan func(...any) error) (e Event, err error) {
	var happened, next sql.NullInt64
	err = scan(&e.ID, &e.Name, &e.Type, &happened, &e.UserID, &e.ExternalID, &e.Step, &e.Round, &e.Code, &e.State, &e.Tries, &next, &e.Said)
	e.At = at(happened)
	if e.State == EventWaiting {
		e.NextAt = at(next)
	}
	return e, err
}

// NewEventName makes a name for an event that the ledger does not have.
func NewEventName() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, as its documentation says
	return "evt_" + hex.EncodeToString(random[:])
}
