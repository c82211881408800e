package web

import (
	"fmt"
	"math"
	"strconv"
	"time"

	cldr "github.com/go-playground/locales"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/es_MX"
)

// format writes numbers and times as the readers of one language expect them.
// Names of months and signs of numbers are CLDR's; the order of a date and the
// 24-hour clock are the same in both, so that nobody has to guess.
type format struct {
	language Language
	words    *Words
	zone     *time.Location
	cldr     cldr.Translator
}

func newFormat(l Language, words *Words, zone *time.Location) *format {
	f := &format{language: l, words: words, zone: zone, cldr: en.New()}
	if l == Spanish {
		f.cldr = es_MX.New()
	}
	return f
}

// number writes a count with its groups of thousands: 1,234,567.
func (f *format) number(n int) string {
	digits := f.cldr.FmtNumber(math.Abs(float64(n)), 0)
	if n < 0 {
		return "−" + digits
	}
	return digits
}

// percent writes how much part is of whole, with one digit below ten. What is not
// nothing is never shown as 0, and what is not all never as 100.
func (f *format) percent(part, whole int) string {
	if whole <= 0 || part <= 0 {
		return "0%"
	}
	share := float64(part) / float64(whole) * 100
	switch {
	case part < whole && share > 99:
		return ">99%"
	case share < 0.1:
		return "<" + f.cldr.FmtNumber(0.1, 1) + "%"
	case share < 10:
		return f.cldr.FmtNumber(share, 1) + "%"
	}
	return f.cldr.FmtNumber(share, 0) + "%"
}

// moment writes a time in the zone of the schedule: 29 Nov 2026, 14:05.
func (f *format) moment(t time.Time) string {
	return f.day(t) + ", " + f.clock(t)
}

// day writes a date in the zone of the schedule: 29 Nov 2026.
func (f *format) day(t time.Time) string {
	t = t.In(f.zone)
	return strconv.Itoa(t.Day()) + " " + f.cldr.MonthAbbreviated(t.Month()) + " " + strconv.Itoa(t.Year())
}

// shortDay writes a date without its year: 29 Nov.
func (f *format) shortDay(t time.Time) string {
	t = t.In(f.zone)
	return strconv.Itoa(t.Day()) + " " + f.cldr.MonthAbbreviated(t.Month())
}

// weekday writes a date with its day of the week: Sun 29 Nov.
func (f *format) weekday(t time.Time) string {
	return f.cldr.WeekdayAbbreviated(t.In(f.zone).Weekday()) + " " + f.shortDay(t)
}

// clock writes the time of day: 14:05.
func (f *format) clock(t time.Time) string { return t.In(f.zone).Format("15:04") }

// utc writes a time as the attribute datetime of HTML wants it.
func (f *format) utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// utcMoment writes a time in UTC to the second, for whoever compares it with a log.
func (f *format) utcMoment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span writes a length of time in its two largest units: 2 h 5 min.
func (f *format) span(d time.Duration) string {
	d = d.Abs()
	w := f.words.Units
	switch {
	case d < time.Second:
		return "0 " + w.Second
	case d < time.Minute:
		return fmt.Sprintf("%d %s", int(d.Seconds()), w.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d %s", int(d.Minutes()), w.Minute)
	case d < 24*time.Hour:
		return f.twoUnits(int(d.Hours()), w.Hour, int(d.Minutes())%60, w.Minute)
	}
	days := int(d.Hours()) / 24
	name := w.Days
	if days == 1 {
		name = w.Day
	}
	return f.twoUnits(days, name, int(d.Hours())%24, w.Hour)
}

func (f *format) twoUnits(n int, unit string, rest int, lesser string) string {
	text := f.number(n) + " " + unit
	if rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + lesser
	}
	return text
}

// size writes a number of bytes.
func (f *format) size(bytes int) string {
	if bytes < 1024 {
		return f.number(bytes) + " B"
	}
	return f.cldr.FmtNumber(float64(bytes)/1024, 1) + " KB"
}

// count writes a number with the noun that it needs: 1 user, 2 users.
func (f *format) count(n int, noun Noun) string {
	if n == 1 {
		return "1 " + noun.One
	}
	return f.number(n) + " " + noun.Many
}
