package app

import (
	"time"

	"github.com/robfig/cron/v3"
)

// slotAt returns the latest moment of the schedule at or before now, on the
// clock of loc; zero when there was none in the ten years before. The cron
// library only looks ahead, so this looks ahead from further and further back.
func slotAt(s cron.Schedule, loc *time.Location, now time.Time) time.Time {
	const furthest = 10 * 366 * 24 * time.Hour
	now = now.In(loc)
	for back := time.Minute; back <= furthest; back *= 2 {
		slot := s.Next(now.Add(-back))
		if slot.IsZero() || slot.After(now) {
			continue
		}
		for {
			next := s.Next(slot)
			if next.IsZero() || next.After(now) {
				return slot
			}
			slot = next
		}
	}
	return time.Time{}
}

// interval is the schedule of "@every": slots that lie that far apart, in step
// with midnight UTC where that divides the day. The cron library's own counts
// from whenever it is asked, so that after a restart or a step of the clock
// nobody could tell which slots were served.
type interval time.Duration

// Next implements [cron.Schedule].
func (i interval) Next(t time.Time) time.Time {
	return t.Truncate(time.Duration(i)).Add(time.Duration(i))
}
