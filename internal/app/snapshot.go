package app

import (
	"context"
	"fmt"

	"alta/internal/web"
	"alta/pipeline"
)

// snapshot is what a scrape of the metrics shows of the ledger.
func (e *engine) snapshot(ctx context.Context) (web.Snapshot, error) {
	now := e.now()
	q, paused, err := e.store.QueueStatus(ctx, now)
	if err != nil {
		return web.Snapshot{}, fmt.Errorf("read the queue: %w", err)
	}
	s := web.Snapshot{
		Queue: map[pipeline.State]int{
			pipeline.Due: q.DueNow + q.Later, pipeline.Claimed: q.Claimed, pipeline.Sending: q.Sending,
			pipeline.Held: q.Held, pipeline.InDoubt: q.Doubt, pipeline.Failed: q.Failed,
		},
		DueNow: q.DueNow,
	}
	if !q.OldestDue.IsZero() {
		s.OldestDue = now.Sub(q.OldestDue)
	}
	for _, p := range paused {
		s.Paused = append(s.Paused, p.Country)
	}
	last, err := e.store.Runs(ctx, 1)
	if err != nil {
		return web.Snapshot{}, fmt.Errorf("read the latest run: %w", err)
	}
	s.Outage = len(last) > 0 && last[0].Report.Outage != ""
	return s, nil
}
