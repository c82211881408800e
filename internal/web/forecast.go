package web

import (
	"context"
	"time"

	"alta/pipeline"
)

// Forecaster looks ahead.
type Forecaster interface {
	// Forecast counts the mails that fall due in the next 24 hours, by whole hours;
	// what is due already counts in the first.
	Forecast(ctx context.Context) ([]ForecastHour, error)

	// DryRun tells what a run at that time would do with what is planned now, the
	// first most mails of it. It changes nothing.
	DryRun(ctx context.Context, at time.Time, most int) (DryRun, error)
}

// ForecastHour counts the mails of one kind that fall due in one hour.
type ForecastHour struct {
	Hour     time.Time // its beginning
	Country  pipeline.Country
	Step     pipeline.Step
	Operator bool // asked for by an operator
	Mails    int
}

// DryRun is what a run would do.
type DryRun struct {
	At    time.Time
	Due   int // mails that would be due
	Mails []DryMail
}

// The reasons why a mail that is due would wait, or not be sent at all.
const (
	WaitNone   Wait = ""       // it would be sent
	WaitHours  Wait = "hours"  // it is no decent hour where the user lives
	WaitPlan   Wait = "plan"   // the plan, which changed, or the gap between two mails owes it later
	WaitPause  Wait = "pause"  // sending is paused
	WaitCancel Wait = "cancel" // the plan no longer owes it: it would be cancelled
)

// Wait says why a mail that is due would not be sent.
type Wait string

// DryMail is one mail of a dry run.
type DryMail struct {
	UserID, Name, Email string
	Country             pipeline.Country
	Step                pipeline.Step
	Round               int
	DueAt               time.Time
	Operator            bool
	Wait                Wait
	Until               time.Time // the end of the wait; zero where nobody knows
}
