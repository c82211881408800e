package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// PausedQueue is a queue of River's that somebody has paused with a tool of River's.
// No machine takes anything from it.
type PausedQueue struct {
	Name  string
	Since time.Time
}

// PausedQueues returns the queues that are paused.
func (s *Store) PausedQueues(ctx context.Context) ([]PausedQueue, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, paused_at FROM river_queue WHERE paused_at IS NOT NULL ORDER BY name`)
	paused, err := collect(rows, err, func(rows pgx.Rows) (q PausedQueue, err error) {
		err = rows.Scan(&q.Name, &q.Since)
		return q, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for queues that are paused: %w", err)
	}
	return paused, nil
}
