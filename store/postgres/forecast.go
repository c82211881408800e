package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// Forecast counts what falls due from one time until another, by whole hours. What
// was due before counts in the first hour: it goes with the next run. It reads what
// was counted as it changed. Who gets these mails [Store.Due] tells, of any time.
func (s *Store) Forecast(ctx context.Context, from, until time.Time) ([]store.ForecastHour, error) {
	rows, err := s.pool.Query(ctx, `SELECT greatest(hour, $1::bigint), country, step, operator, sum(deliveries)::bigint FROM forecast_counts WHERE hour < $2
		GROUP BY 1, 2, 3, 4 HAVING sum(deliveries) > 0 ORDER BY 1, 2 DESC, step COLLATE "C", 4`, store.HourNumber(from), store.LastHour(until))
	hours, err := collect(rows, err, func(rows pgx.Rows) (h store.ForecastHour, err error) {
		var hour int64
		err = rows.Scan(&hour, &h.Country, &h.Step, &h.Operator, &h.Mails)
		h.Hour = store.BeginningOf(hour)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the forecast: %w", err)
	}
	return hours, nil
}
