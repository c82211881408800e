package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours are the sending hours of a day on the user's own clock. The zero value
// is any time.
type Hours struct {
	from, until time.Duration // wall-clock time since midnight; until is exclusive
}

// ParseHours reads hours such as "09:00-20:00"; "" is any time. The end may be
// "24:00".
func ParseHours(s string) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	from, until, _ := strings.Cut(s, "-")
	h := Hours{}
	var ok, ok2 bool
	h.from, ok = parseClock(from)
	h.until, ok2 = parseClock(until)
	switch {
	case !ok || !ok2:
		return Hours{}, fmt.Errorf(`sending hours %q: want "HH:MM-HH:MM", for example "09:00-20:00", or "" for any time`, s)
	case h.from >= h.until:
		return Hours{}, fmt.Errorf("sending hours %q: must end after they begin, on the same day", s)
	}
	return h, nil
}

// Next returns the first moment at or after t that lies within the hours on
// the clock of loc. Days on which the clock changes count as the clock on the
// wall shows them: an hour that is skipped is not there, and one that comes
// twice counts twice.
func (h Hours) Next(t time.Time, loc *time.Location) time.Time {
	if h == (Hours{}) {
		return t
	}
	for {
		local := t.In(loc)
		wall := wallClock(local)
		if h.from <= wall && wall < h.until {
			return t
		}
		wait := h.from - wall
		if wait < 0 {
			wait += 24 * time.Hour
		}
		opening := local.Add(wait)
		_, change := local.ZoneBounds()
		if change.IsZero() || opening.Before(change) {
			return opening
		}
		// The clock changes before the hours open, so it shows another time
		// from then on.
		t = change
	}
}

// parseClock reads "HH:MM", from "00:00" to "24:00".
func parseClock(s string) (time.Duration, bool) {
	if len(s) != len("HH:MM") || s[2] != ':' {
		return 0, false
	}
	// ParseUint takes digits only, without a sign or spaces.
	hours, err := strconv.ParseUint(s[:2], 10, 8)
	minutes, err2 := strconv.ParseUint(s[3:], 10, 8)
	t := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	return t, err == nil && err2 == nil && minutes < 60 && t <= 24*time.Hour
}

// wallClock is the time since midnight that a clock on the wall shows.
func wallClock(local time.Time) time.Duration {
	return time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute +
		time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
}
