package store

import (
	"slices"
	"time"

	"alta/pipeline"
)

// This file is how both engines add up what they have counted.

// FunnelCount is how many users are in the same place of the funnel.
type FunnelCount struct {
	Country                       pipeline.Country
	Status                        pipeline.Status
	Mailed, Withdrawn, AddressBad bool
	Users                         int
	Opened                        int // of them, where only those are counted who are pending and have opened their link
}

// Funnels adds the counts up by country.
func Funnels(counts []FunnelCount) []Funnel {
	byCountry := []Funnel{{Country: pipeline.MX}, {Country: pipeline.DO}}
	for _, c := range counts {
		f := &byCountry[0]
		if c.Country == pipeline.DO {
			f = &byCountry[1]
		}
		f.add(c)
	}
	return byCountry
}

func (f *Funnel) add(c FunnelCount) {
	f.Users += c.Users
	f.Opened += c.Opened
	switch c.Status {
	case pipeline.Pending:
		if c.Mailed {
			f.Mailed += c.Users
		} else {
			f.Waiting += c.Users
		}
		if c.Withdrawn {
			f.Withdrawn += c.Users
		}
		if c.AddressBad {
			f.BadEmail += c.Users
		}
	case pipeline.InReview:
		f.InReview += c.Users
	case pipeline.Verified:
		f.Verified += c.Users
	case pipeline.Rejected:
		f.Rejected += c.Users
	case pipeline.OptedOut:
		f.OptedOut += c.Users
	case pipeline.Erased:
		f.Erased += c.Users
	}
}

// DueLane counts what is due in one lane, apart by whether an operator asked for
// it.
type DueLane struct {
	Country    pipeline.Country
	Type       pipeline.UserType
	Operator   bool
	Now, Later int // Later is only what was looked at
	Retries    int // of both: put off after an attempt
}

// Add counts what is due.
func (q *QueueStatus) Add(waiting []DueLane) {
	for _, w := range waiting {
		q.DueNow += w.Now
		q.Later += w.Later
		q.Retry += w.Retries
	}
}

// Unasked counts what is due, is not paused at now, and no operator asked for. An
// outage counts as over once it may be probed; a lane that is paused counts as
// closed.
func Unasked(waiting []DueLane, paused []pipeline.Pause, now time.Time) (n int) {
	for _, w := range waiting {
		closed := slices.ContainsFunc(paused, func(p pipeline.Pause) bool {
			if p.IsOutage() {
				return !p.Ripe(now)
			}
			return p.Country == w.Country && p.Type == w.Type
		})
		if !w.Operator && !closed {
			n += w.Now
		}
	}
	return n
}

// MinuteOf numbers the minute that t is in, as what is counted by the minute does.
func MinuteOf(t time.Time) int64 { return t.UnixMilli() / time.Minute.Milliseconds() }

// StartOf is the first millisecond of a minute.
func StartOf(minute int64) int64 { return minute * time.Minute.Milliseconds() }
