package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// OptOut makes the user opted out whom the token leads to, by the user's own word, and
// returns what it leads to from then on. What was due is cancelled. A user who has no
// verification ahead is left as is; changed tells.
func (s *Store) OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		found, err := lockTicket(ctx, tx, digest)
		if err != nil {
			return err
		}
		if changed = store.GoesOn(found.User.Status); changed {
			if err := optOut(ctx, tx, found.row, now); err != nil {
				return err
			}
			if found, err = findTicket(ctx, tx, digest); err != nil {
				return err
			}
		}
		t = found.Ticket
		return nil
	})
	if err != nil {
		return pipeline.Ticket{}, false, fmt.Errorf("opt out: %w", err)
	}
	return t, changed, nil
}

func optOut(ctx context.Context, tx pgx.Tx, old keyedRow, now time.Time) error {
	row := old
	row.Status = pipeline.OptedOut
	if err := updateUsers(ctx, tx, []change{{old, row}}, nothingMore, now); err != nil {
		return err
	}
	return addAudit(ctx, tx, store.Act{Actor: store.TheUser}, "opt_out", old.ID, string(old.Status)+" -> "+string(row.Status), now)
}

// nothingMore is the plan for whom nothing is owed any more.
func nothingMore(pipeline.User, pipeline.History) (pipeline.Next, bool) {
	return pipeline.Next{}, false
}
