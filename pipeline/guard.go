package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// Guard keeps a mistake, such as a wrong list or a query that lost its
// condition, from reaching everybody: a run that would mail far more users than
// usual needs an operator's yes. What operators asked for one by one is none of
// its business.
type Guard struct {
	Mails int // a run of at most so many mails always goes; 0 turns the guard off
	Times int // and so does one of at most so many times the usual; 1 or more
}

const (
	// GuardRuns is how many of the latest runs that mailed tell what is usual.
	GuardRuns = 10

	fewestRuns   = 3         // with fewer nothing is usual yet: a first campaign has any size
	approvalLife = time.Hour // a yes to this campaign is none to the next one
)

// Outlook is what the guard judges a run by, before the run has pulled anything.
type Outlook struct {
	Due      int      // mails that the run would send and no operator asked for
	Sent     []int    // mails of the latest runs that mailed, [GuardRuns] at most
	Approval Approval // in force; its zero value allows nothing
}

// Approval is an operator's yes to a run that the guard has stopped. Every mail
// that goes by it uses it up, so that retries, and what was left by a run that
// ended early, need no second one.
type Approval struct {
	Due     int // mails that were due when it was given
	Mails   int // mails that may still go
	GivenAt time.Time
	EndsAt  time.Time
}

// Approve returns the approval of a run that would mail due users: for an hour,
// and for a tenth more, since users come in meanwhile.
func Approve(due int, now time.Time) Approval {
	return Approval{Due: due, Mails: due + (due+9)/10, GivenAt: now, EndsAt: now.Add(approvalLife)}
}

// Allowance is what the guard lets a run do.
type Allowance struct {
	Most     int    // mails that it may pull, however much falls due meanwhile; 0 is no bound
	Approved bool   // it goes by the approval
	WhyNot   string // why it may not begin, and what to do; "" when it may
}

// Judge decides whether a run may begin, and how far it may go.
func (g Guard) Judge(o Outlook) Allowance {
	usual, bounded := g.usual(o.Sent)
	switch {
	case !bounded:
		return Allowance{}
	case o.Due <= usual:
		return Allowance{Most: usual}
	case o.Due <= o.Approval.Mails:
		return Allowance{Most: o.Approval.Mails, Approved: true}
	}
	whyNot := fmt.Sprintf("this run would mail %d users, and the last %d runs that mailed sent %g in the median; "+
		"look with 'alta run --dry-run', and if it is right, 'alta run --yes' lets it go", o.Due, len(o.Sent), median(o.Sent))
	if o.Approval.Mails > 0 {
		whyNot += fmt.Sprintf(" (the latest yes is for %d more)", o.Approval.Mails)
	}
	return Allowance{WhyNot: whyNot}
}

// usual is the most that a run may mail without an approval, and false when
// there is no bound.
func (g Guard) usual(sent []int) (most int, bounded bool) {
	if g.Mails <= 0 || len(sent) < fewestRuns {
		return 0, false
	}
	return max(g.Mails, int(float64(g.Times)*median(sent))), true
}

// median is the middle one, or the mean of the two in the middle.
func median(of []int) float64 {
	sorted := slices.Sorted(slices.Values(of))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return float64(sorted[half])
	}
	return float64(sorted[half-1]+sorted[half]) / 2
}
