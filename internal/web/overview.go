package web

import (
	"context"
	"time"

	"alta/pipeline"
)

// Overviewer reads how everything stands.
type Overviewer interface {
	Overview(ctx context.Context) (Overview, error)
}

// Overview is how everything stands at one moment.
type Overview struct {
	Funnel   []FunnelPart // by country
	Days     []MailDay    // the latest 30, the oldest first, none left out
	Verified []TimeBucket // how long users took from their first mail on; the shortest first, none left out
	Queue    QueueFigures
	Pauses   []pipeline.Pause
	Guard    *GuardStop // nil where the guard stops nothing
	NextRun  time.Time  // by the schedule; zero is none
	Runs     []RunRow   // the latest ten, the latest first
	Fleet    *Fleet     // nil for a ledger in a file
}

// FunnelPart counts the users of one country by how far they have come. The first
// five and Rejected, OptedOut and Erased add up to all users; the rest is part of
// those who are pending.
type FunnelPart struct {
	Country  pipeline.Country
	Waiting  int // pending, no mail yet
	Mailed   int // pending, mailed, and has not opened the link
	Opened   int // pending, and has opened the link
	InReview int
	Verified int
	Rejected int
	OptedOut int
	Erased   int

	Undeliverable int // pending, but the address takes no mail
	Withdrawn     int // pending, but the source query no longer returns them
}

// Users are all of the country.
func (f FunnelPart) Users() int {
	return f.Waiting + f.Mailed + f.Opened + f.InReview + f.Verified + f.Rejected + f.OptedOut + f.Erased
}

// MailDay counts the mails that were sent on one day of the schedule's time zone.
type MailDay struct {
	Day                         time.Time // its first moment
	Invites, Reminders, Reissue int
}

// TimeBucket counts users who were verified within UpTo, and took longer than the
// bucket before says.
type TimeBucket struct {
	UpTo  time.Duration // 0 is without an end, and the last
	Users int
}

// QueueFigures count deliveries that are not settled, or went wrong.
type QueueFigures struct {
	Due, Later, Retry, Preparing, Sending, Held, Doubt, Failed int

	OldestDue, NextDue time.Time // zero is none
}

// GuardStop is a run that the guard stopped, since far more mails are due than
// usual.
type GuardStop struct {
	Due   int   // mails that it would send
	Usual []int // mails of the latest runs that mailed
}

// RunRow is one run.
type RunRow struct {
	ID                    int64
	Trigger               string
	StartedAt, FinishedAt time.Time // FinishedAt is zero while it lasts
	Error                 string
	pipeline.Report
}

// Fleet is the machines that share a ledger on PostgreSQL.
type Fleet struct {
	Machines []MachineRow
	Paused   []PausedQueue
}

// MachineRow is one machine of the fleet.
type MachineRow struct {
	Name, Version               string
	Leads, Draining             bool
	Workers, Preparing, Sending int
	StartedAt, SeenAt           time.Time
}

// PausedQueue is a queue of River's that somebody paused with a tool of River's.
type PausedQueue struct {
	Name  string
	Since time.Time
}

// Runner makes runs go.
type Runner interface {
	// TryNow makes the next probe of an outage ripe and begins a run. It does not
	// wait for its end.
	TryNow(ctx context.Context, by Act) error

	// Approve lets the run go that the guard has stopped, if it would send due mails
	// or fewer. Otherwise, and where there is none, ok is false.
	Approve(ctx context.Context, due int, by Act) (ok bool, err error)
}
