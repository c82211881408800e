package store

import (
	"time"

	"alta/pipeline"
)

// This file is how both engines, and whoever shows it, deal with what is counted by
// the hour.

// HourNumber numbers the hour that t is in, as what is counted by the hour does.
func HourNumber(t time.Time) int64 { return t.UnixMilli() / time.Hour.Milliseconds() }

// BeginningOf is the first moment of an hour.
func BeginningOf(hour int64) time.Time {
	return time.UnixMilli(hour * time.Hour.Milliseconds()).UTC()
}

// Within are the bounds of what [VerifiedWithin] counts, in their order; the last is
// 0, for any longer time.
func Within() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{time.Hour, 6 * time.Hour, day, 3 * day, 7 * day, 14 * day, 0}
}

// NobodyVerified has a count of nobody for each country and bound, in their order.
func NobodyVerified() (all []VerifiedWithin) {
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		for _, within := range Within() {
			all = append(all, VerifiedWithin{Country: country, Within: within})
		}
	}
	return all
}

// Day is what was counted on one day.
type Day struct {
	Start time.Time // midnight
	Mails map[MailKind]int
	// Attempts that failed for good, were held or ended in doubt.
	Failed, Held, Doubt int
}

// MailKind is what mails are told apart by.
type MailKind struct {
	Country pipeline.Country
	Step    pipeline.Step
}

// daysShown are how many days an overview is added up for.
const daysShown = 30

// Days adds up the thirty days, oldest first, whose last one is that of now, as they
// are in the time zone. Where a zone's midnight is within an hour, that hour belongs
// to the day in which it begins.
func (o Overview) Days(zone *time.Location, now time.Time) []Day {
	days, at := make([]Day, daysShown), map[string]int{}
	year, month, today := now.In(zone).Date()
	for i := range days {
		// Noon is there on every day, whatever a change of the clock does to midnight.
		day := time.Date(year, month, today-daysShown+1+i, 12, 0, 0, 0, zone)
		days[i] = Day{Start: time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone), Mails: map[MailKind]int{}}
		at[day.Format(time.DateOnly)] = i
	}
	dayOf := func(hour time.Time) (*Day, bool) {
		i, shown := at[hour.In(zone).Format(time.DateOnly)]
		return &days[i], shown
	}
	for _, m := range o.Mails {
		if d, shown := dayOf(m.Hour); shown {
			d.Mails[MailKind{m.Country, m.Step}] += m.Mails
		}
	}
	for _, t := range o.Troubles {
		if d, shown := dayOf(t.Hour); shown {
			d.add(t)
		}
	}
	return days
}

func (d *Day) add(t TroublesInHour) {
	switch t.Outcome {
	case pipeline.OutcomeFailed:
		d.Failed += t.Attempts
	case pipeline.OutcomeHeld:
		d.Held += t.Attempts
	case pipeline.OutcomeDoubt:
		d.Doubt += t.Attempts
	}
}
