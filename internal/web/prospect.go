package web

import (
	"time"

	"alta/pipeline"
)

// Prospect is what comes next for a user, or why nothing does.
type Prospect struct {
	Kind         ProspectKind
	Step         pipeline.Step // of the mail that is meant, if one is
	Round        int
	At           time.Time // when the mail goes, or until when it waits
	Code, Reason string    // why it waits, failed, or was put off before
	Pause        *pipeline.Pause
	Ripe         bool            // the pause is probed by the next run
	Status       pipeline.Status // why nothing comes
	Mails        int             // how many the user got
}

// The kinds of what comes next. The first ones are about a mail.
const (
	NextNow         ProspectKind = "now"           // the next run sends it
	NextLater       ProspectKind = "later"         // it is due at At
	NextHours       ProspectKind = "hours"         // it waits for the sending hours until At
	NextPlan        ProspectKind = "plan"          // the plan, which changed, owes it at At
	NextCancel      ProspectKind = "cancel"        // the next run cancels it
	NextUnderway    ProspectKind = "underway"      // it is on its way
	NextInterrupted ProspectKind = "interrupted"   // it was on its way when alta ended
	NextHeldByHand  ProspectKind = "held_by_hand"  // an operator holds it
	NextHeld        ProspectKind = "held"          // it waits until something is mended
	NextDoubt       ProspectKind = "doubt"         // nobody knows whether it arrived
	NoneStatus      ProspectKind = "none_status"   // the user is not pending
	NoneWithdrawn   ProspectKind = "none_withdraw" // the source no longer returns the user
	NoneAddress     ProspectKind = "none_address"  // the address takes no mail
	NoneFailed      ProspectKind = "none_failed"   // the latest mail failed
	NonePlanChanged ProspectKind = "none_changed"  // the plan no longer owed what fell due
	NoneMost        ProspectKind = "none_most"     // the user got the most mails that the plan allows
	NoneOver        ProspectKind = "none_over"     // the user got every mail of the plan
)

// ProspectKind is the kind of what comes next.
type ProspectKind string

// tone is the state of mails that it looks like.
func (k ProspectKind) tone() string {
	switch k {
	case NextNow, NextLater, NextHours, NextPlan, NextUnderway, NextInterrupted:
		return "due"
	case NextHeldByHand, NextHeld, NextDoubt:
		return "held"
	case NoneFailed, NoneAddress:
		return "failed"
	}
	return "plain"
}
