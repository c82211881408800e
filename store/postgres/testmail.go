package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// NoteTestMail is as [store.Store.NoteTestMail].
func (s *Store) NoteTestMail(ctx context.Context, mail string, by store.Act, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return addAudit(ctx, tx, by, store.ActTestMail, "", mail, now)
	})
	if err != nil {
		return fmt.Errorf("note a test mail: %w", err)
	}
	return nil
}
