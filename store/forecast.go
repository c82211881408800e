package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"alta/pipeline"
)

// ForecastHour counts the mails of one kind that fall due in one hour. Some fewer
// will go: a user may be done by then, and the sending hours can put a mail off.
type ForecastHour struct {
	Hour     time.Time // its beginning
	Country  pipeline.Country
	Step     pipeline.Step
	Operator bool // asked for by an operator
	Mails    int
}

// Forecast counts what falls due from one time until another, by whole hours. What
// was due before counts in the first hour: it goes with the next run. It reads what
// was counted as it changed. Who gets these mails [Store.Due] tells, of any time.
func (s *Store) Forecast(ctx context.Context, from, until time.Time) ([]ForecastHour, error) {
	const minutes = 60
	hours, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (h ForecastHour, err error) {
		var hour int64
		err = scan(&hour, &h.Country, &h.Step, &h.Operator, &h.Mails)
		h.Hour = BeginningOf(hour)
		return h, err
	}, `SELECT max(key / ?1, ?2), CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END,
			CASE key / 32 % 4 WHEN 0 THEN 'invite' WHEN 1 THEN 'reminder' ELSE 'reissue' END, key % 2, sum(deliveries)
		FROM queue_counts WHERE key < ?3 AND key / 8 % 4 = 0
		GROUP BY 1, 2, 3, 4 HAVING sum(deliveries) > 0 ORDER BY 1, 2 DESC, 3, 4`,
		keysInMinute*minutes, HourNumber(from), min(LastHour(until), math.MaxInt64/keysInMinute/minutes)*keysInMinute*minutes)
	if err != nil {
		return nil, fmt.Errorf("read the forecast: %w", err)
	}
	return hours, nil
}

// LastHour numbers the first hour that lies wholly behind until.
func LastHour(until time.Time) int64 { return HourNumber(until.Add(time.Hour - time.Millisecond)) }
