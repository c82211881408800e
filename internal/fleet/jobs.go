package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"alta/store"
	"alta/store/postgres"
)

// The queues, which River's own tools show under these names.
const (
	pullQueue    = "alta_pull"
	deliverQueue = "alta_deliver"
)

// The priorities of jobs; River fetches lower numbers first.
const (
	operatorsFirst = 1
	everybodyElse  = 2
)

// pullArgs is a run to make, or one to go on with.
type pullArgs struct {
	Trigger store.Trigger `json:"trigger"`
	Slot    int64         `json:"slot,omitempty"`    // the moment of the schedule that it serves, in milliseconds since the Unix epoch
	AtMost  int           `json:"at_most,omitempty"` // mails; 0 is no limit
	Run     int64         `json:"run,omitempty"`     // the run to go on with
	Missed  bool          `json:"missed,omitempty"`  // the slot was not rung for at its moment
	Again   bool          `json:"again,omitempty"`   // it makes up for one that did not go well
}

// Kind implements [river.JobArgs].
func (pullArgs) Kind() string { return "alta_pull" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (pullArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: pullQueue} }

func (a pullArgs) slot() time.Time {
	if a.Slot == 0 {
		return time.Time{}
	}
	return time.UnixMilli(a.Slot).UTC()
}

// deliverArgs is a delivery to bring to its end. Whatever else there is to know
// about it stands in the ledger.
type deliverArgs struct {
	Delivery int64 `json:"delivery"`
}

// Kind implements [river.JobArgs].
func (deliverArgs) Kind() string { return "alta_deliver" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (deliverArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: deliverQueue, Priority: everybodyElse}
}

// client inserts jobs, and works them once it is started.
type client = river.Client[pgx.Tx]

// deliverJobs inserts the jobs of deliveries in the transaction that claims them.
func deliverJobs(c *client) postgres.Jobs {
	return func(ctx context.Context, tx pgx.Tx, claimed []postgres.ClaimedDelivery) (ids []int64, err error) {
		params := make([]river.InsertManyParams, len(claimed))
		for i, d := range claimed {
			params[i].Args = deliverArgs{Delivery: d.ID}
			if d.Operator {
				params[i].InsertOpts = &river.InsertOpts{Queue: deliverQueue, Priority: operatorsFirst}
			}
		}
		inserted, err := c.InsertManyTx(ctx, tx, params)
		if err != nil {
			return nil, fmt.Errorf("insert the jobs of %d deliveries: %w", len(claimed), err)
		}
		for _, r := range inserted {
			ids = append(ids, r.Job.ID)
		}
		return ids, nil
	}
}

// runAgain inserts the job of a run of the schedule that makes up for one which did
// not go well and that nobody waits for. Where slots lie far apart, an outage of a
// minute must not cost a day.
func runAgain(c *client, at time.Time) func(context.Context, pgx.Tx) error {
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := c.InsertTx(ctx, tx, pullArgs{Trigger: store.BySchedule, Again: true}, &river.InsertOpts{Queue: pullQueue, ScheduledAt: at})
		if err != nil {
			return fmt.Errorf("plan another run: %w", err)
		}
		return nil
	}
}

// carryOn inserts the job that goes on with a run.
func carryOn(c *client) postgres.Carry {
	return func(ctx context.Context, tx pgx.Tx, run int64) (int64, error) {
		inserted, err := c.InsertTx(ctx, tx, pullArgs{Run: run}, nil)
		if err != nil {
			return 0, fmt.Errorf("insert the job that goes on with run %d: %w", run, err)
		}
		return inserted.Job.ID, nil
	}
}
