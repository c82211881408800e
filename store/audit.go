package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Act says who does something by hand, and why.
type Act struct {
	Actor  string // the operating system's user, or a named token
	Reason string
}

// Detail adds the reason to what is noted about the act.
func (a Act) Detail(detail string) string {
	switch {
	case a.Reason == "":
		return detail
	case detail == "":
		return a.Reason
	}
	return detail + ": " + a.Reason
}

// AuditEntry is one line of the append-only audit log. It names users by their
// Capa id only, so that it can outlive an erasure.
type AuditEntry struct {
	At     time.Time
	Actor  string
	Action string
	UserID string
	Detail string
}

func addAudit(tx *sql.Tx, by Act, action, user, detail string, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO audit (at, actor, action, user_id, detail) VALUES (?, ?, ?, ?, ?)`,
		ms(now), by.Actor, action, user, by.Detail(detail))
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// Audit returns what was done by hand to a user, oldest first.
func (s *Store) Audit(ctx context.Context, user string) ([]AuditEntry, error) {
	return rows(boundTo(ctx, s.reads), func(scan func(...any) error) (e AuditEntry, err error) {
		var when sql.NullInt64
		err = scan(&when, &e.Actor, &e.Action, &e.UserID, &e.Detail)
		e.At = at(when)
		return e, err
	}, `SELECT at, actor, action, user_id, detail FROM audit WHERE user_id = ? ORDER BY id`, user)
}
