package web

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
)

// ErrNoUser says that the ledger does not know the user.
var ErrNoUser = errors.New("the ledger does not know the user")

// UserDesk tells all about one user, and acts on them. Where the ledger does not know
// the user its errors wrap [ErrNoUser]. An act that was refused says why.
type UserDesk interface {
	UserStory(ctx context.Context, id string) (UserStory, error)

	// Resend makes the mail due at once that the plan has for it.
	Resend(ctx context.Context, id string, force bool, by Act) (WhyNot, error)
	// Hold keeps the next mail back until Release, or a resend.
	Hold(ctx context.Context, id string, by Act) (WhyNot, error)
	Release(ctx context.Context, id string, by Act) (WhyNot, error)
	Mark(ctx context.Context, id string, status pipeline.Status, by Act) (WhyNot, error)
	Erase(ctx context.Context, id string, by Act) (WhyNot, error)
}

// UserStory is all about one user.
type UserStory struct {
	UserRow
	TimeZone      string
	LocalTime     time.Time     // on the user's own clock
	LinkExpiresAt time.Time     // of the latest mail; zero for none, and for one that lasts
	ResendStep    pipeline.Step // that a mail sent by hand would have
	Next          Prospect
	Moments       []Moment // the oldest first
	Cut           bool     // there were more moments before
}

// Moment is one thing that happened to a user, or will. Which fields are set depends
// on its kind.
type Moment struct {
	At   time.Time
	Kind MomentKind

	Step  pipeline.Step
	Round int
	State pipeline.State

	Outcome      pipeline.Outcome // of an attempt
	Code, Reason string
	Reply        string // the mail server's own words

	Until   time.Time // of a link
	Session string    // "minting", "open" or "failed"
	AskedBy string    // "click" or "app"
	Visit   pipeline.VisitKind
	Event   string // the partner's own word
	Effect  pipeline.Effect
	N       int // how often
	LastAt  time.Time
	Actor   string
	Action  string
	Detail  string
}

// The kinds of moments.
const (
	MomentAdded     MomentKind = "added"
	MomentUpdated   MomentKind = "updated"
	MomentNews      MomentKind = "news"
	MomentAct       MomentKind = "act"
	MomentLink      MomentKind = "link"
	MomentAttempt   MomentKind = "attempt"
	MomentCancelled MomentKind = "cancelled"
	MomentVisits    MomentKind = "visits"
	MomentSession   MomentKind = "session"
	MomentVerified  MomentKind = "verified"
	MomentDue       MomentKind = "due"
)

// MomentKind is the kind of a moment.
type MomentKind string

// WhyNot is why an act was refused; the zero value is an act that was done.
type WhyNot struct {
	Code      WhyNotCode
	Status    pipeline.Status // of the user
	Ago, Left time.Duration   // since the latest mail, and until the gap is over
	Text      string          // what the ledger said, in English
}

// Refused tells whether the act was not done.
func (n WhyNot) Refused() bool { return n.Code != "" }

// The reasons why an act is refused.
const (
	NotInGap     WhyNotCode = "gap"       // the latest mail is too fresh
	NotByStatus  WhyNotCode = "status"    // only pending users get mail
	NotWithdrawn WhyNotCode = "withdrawn" // the source no longer returns the user
	NotUnderway  WhyNotCode = "underway"  // a mail is on its way this moment
	NotDue       WhyNotCode = "not_due"   // there is nothing to hold
	NotAgain     WhyNotCode = "held"      // an operator holds it already
	NotWaiting   WhyNotCode = "waits"     // it waits for an operator as it is
	NotHeld      WhyNotCode = "not_held"  // there is nothing to release
	NotErased    WhyNotCode = "erased"    // an erasure is final
	NotSame      WhyNotCode = "same"      // the user has that status
	NotOther     WhyNotCode = "other"     // as the text says
)

// WhyNotCode names a reason why an act is refused.
type WhyNotCode string
