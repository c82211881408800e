package app

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// parseCron reads a cron expression. The error says what was expected.
func parseCron(spec string) (cron.Schedule, error) {
	const expected = `five cron fields such as "*/5 * * * *", or "@hourly", "@daily", "@every 10m"`
	if trimmed := strings.TrimSpace(spec); strings.HasPrefix(trimmed, "TZ=") || strings.HasPrefix(trimmed, "CRON_TZ=") {
		// The library panics on a bare "TZ=0", and two settings for one zone
		// would contradict each other.
		return nil, errors.New("no time zone here: it belongs in schedule.time_zone")
	}
	schedule, err := cron.ParseStandard(spec)
	if err != nil && mayBeSecret(spec) { // the library's error would repeat it
		return nil, errors.New(expected)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expected, err)
	}
	if every, ok := strings.CutPrefix(spec, "@every "); ok {
		// The library takes 0 and less as a second.
		d, err := time.ParseDuration(every)
		if err != nil || d < time.Second {
			return nil, errors.New(`"@every" with 1s or more`)
		}
		return interval(d.Truncate(time.Second)), nil
	}
	// Next gives up after five years. From the first day of a leap year on,
	// that is long enough for every date there is.
	if schedule.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("a date that exists: this one never comes")
	}
	return schedule, nil
}
