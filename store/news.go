package store

import (
	"time"

	"alta/pipeline"
)

// NewsRecord is one kind of news of one external id, however often it came.
type NewsRecord struct {
	ExternalID string // the Capa user id where alta itself has asked, see [EventAsked]
	Event      string
	UserID     string // "" where nobody is known, or several are
	Effect     pipeline.Effect
	N          int
	FirstAt    time.Time
	LastAt     time.Time
	SettledAt  time.Time // zero while it waits for an operator
}

// EventAsked is the event of news that alta has asked the partner API for.
const EventAsked = "kyc_details"

// EffectOf decides what comes of news of a user: found are those who have the
// external id, of whom two are enough. With [pipeline.Applied], status is what the
// user becomes.
//
// A status moves forward only, so that news which repeats or comes late has no
// effect. Where an operator has moved the user back since, it counts again.
func EffectOf(n pipeline.News, found []UserRow) (e pipeline.Effect, status pipeline.Status) {
	switch {
	case !tells(n.Status):
		return pipeline.UnknownEvent, ""
	case len(found) == 0:
		return pipeline.UnknownUser, ""
	case len(found) > 1:
		return pipeline.SeveralUsers, ""
	}
	if status = found[0].Status.Advance(n.Status); status == found[0].Status {
		return pipeline.KnownAlready, ""
	}
	return pipeline.Applied, status
}

// tells tells whether a partner's word can make a user's status that one.
func tells(s pipeline.Status) bool {
	return s == pipeline.InReview || s == pipeline.Verified || s == pipeline.Rejected
}

// Settles tells whether news of that effect is done with, and waits for nobody.
func Settles(e pipeline.Effect) bool { return e == pipeline.Applied || e == pipeline.KnownAlready }

// Then is the effect that is kept of news which came before: what had an effect
// keeps it, and so does what is settled, unless it has one now. settled tells
// whether it is.
func Then(was, is pipeline.Effect, settled bool) pipeline.Effect {
	if is == pipeline.Applied || !settled {
		return is
	}
	return was
}
