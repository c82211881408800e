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
// returns what it leads to from then on. What was due is cancelled. A user who is done
// is left as is, and of one who opted out before only the tickets end that an operator
// has sent since; changed tells whether the status did.
func (s *Store) OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		found, err := lockTicket(ctx, tx, digest)
		if err != nil {
			return err
		}
		changed = store.GoesOn(found.User.Status)
		switch {
		case changed:
			err = optOut(ctx, tx, found.row, now)
		case found.User.Status == pipeline.OptedOut:
			_, err = tx.Exec(ctx, `UPDATE links SET dead_at = $2 WHERE user_key = $1 AND token IS NOT NULL AND dead_at IS NULL`, found.row.key, now.UnixMilli())
		}
		if err == nil {
			found, err = findTicket(ctx, tx, digest)
		}
		t = found.Ticket
		return err
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
