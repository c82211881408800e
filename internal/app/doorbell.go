package app

import (
	"time"

	"github.com/robfig/cron/v3"
)

// doorbell tells when the moments of the schedule have come. It goes by the
// clock on the wall, asked again and again: a timer would run on a clock that
// stands still while the machine sleeps and that knows of no step.
type doorbell struct {
	schedule cron.Schedule
	zone     *time.Location
	seen     time.Time // when it was asked last
	next     time.Time // the first slot after that; zero for never
}

// newDoorbell returns a doorbell that rings for the slots after now.
func newDoorbell(s cron.Schedule, zone *time.Location, now time.Time) *doorbell {
	b := &doorbell{schedule: s, zone: zone}
	b.wind(now)
	return b
}

// at tells whether a slot has come since it was asked last, and the latest that
// has: however long nobody asked, it rings once. After a step back it rings
// again for slots that it has rung for; the ledger refuses those that were
// served.
func (b *doorbell) at(now time.Time) (slot time.Time, rings bool) {
	if b.isBack(now) {
		b.wind(now)
		return time.Time{}, false
	}
	b.seen = now.Round(0)
	if b.next.IsZero() || b.seen.Before(b.next) {
		return time.Time{}, false
	}
	b.wind(now)
	return slotAt(b.schedule, b.zone, b.seen), true
}

// isBack tells whether the clock went back since it was asked last.
func (b *doorbell) isBack(now time.Time) bool { return now.Round(0).Before(b.seen) }

// wind sets it to ring for the slots after now. Round strips the monotonic
// reading, which Before and After would go by.
func (b *doorbell) wind(now time.Time) {
	b.seen = now.Round(0)
	b.next = b.schedule.Next(b.seen.In(b.zone))
}
