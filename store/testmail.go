package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// ActTestMail is the action of the audit log of whoever sends a test mail.
const ActTestMail = "test_mail"

// NoteTestMail audits a test mail, which belongs to no user; mail says which one it
// is. Where it goes is not kept: the audit log outlives every address.
func (s *Store) NoteTestMail(ctx context.Context, mail string, by Act, now time.Time) error {
	if err := s.write(ctx, func(tx *sql.Tx) error { return addAudit(tx, by, ActTestMail, "", mail, now) }); err != nil {
		return fmt.Errorf("note a test mail: %w", err)
	}
	return nil
}
