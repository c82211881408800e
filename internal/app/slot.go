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
