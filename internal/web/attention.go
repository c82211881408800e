package web

import (
	"context"
	"time"

	"alta/pipeline"
)

// Attender reads what waits for a person, and acts on it.
type Attender interface {
	// Attention returns the groups, the largest first.
	Attention(ctx context.Context) ([]AttentionGroup, error)

	// AttentionPage returns up to n users of the group from behind the one whose Key
	// is after on, in the order of their keys.
	AttentionPage(ctx context.Context, g GroupKey, after int64, n int) ([]AttentionUser, error)

	// Inbox returns up to n pieces of news that no user could be found for, the oldest
	// first.
	Inbox(ctx context.Context, n int) ([]InboxRow, error)

	// ActOnUsers does one thing to each of the users, and says what came of it. Its
	// error means that some of it may be done, and that the rest is not.
	ActOnUsers(ctx context.Context, users []string, do GroupAct, by Act) (GroupResult, error)

	// Settle marks news as seen to; false is news that no longer waits.
	Settle(ctx context.Context, externalID, event string, by Act) (bool, error)
}

// GroupKey is what the users of a group have in common.
type GroupKey struct {
	State   pipeline.State // held, doubt or failed
	Code    string         // of the fault
	Country pipeline.Country
}

// AttentionGroup is the users who wait for a person for the same cause.
type AttentionGroup struct {
	GroupKey
	Users         int
	First, Latest time.Time // since when, at the most and at the least
	UserID        string    // of the latest
	Reason        string    // of the latest
}

// AttentionUser is one user of a group.
type AttentionUser struct {
	Key             int64
	ID, Name, Email string
	Country         pipeline.Country
	Status          pipeline.Status
	Step            pipeline.Step
	Round, Attempts int
	Reason          string
	Since           time.Time
}

// InboxRow is a piece of news that waits for a person.
type InboxRow struct {
	ExternalID, Event string
	Effect            pipeline.Effect // why it waits
	Times             int
	First, Latest     time.Time
}

// The acts on a group.
const (
	GroupResend   GroupAct = "resend"
	GroupForce    GroupAct = "force" // resend, within the gap as well
	GroupVerified GroupAct = "verified"
	GroupRejected GroupAct = "rejected"
	GroupOptOut   GroupAct = "opted_out"
)

// GroupAct is what is done to each user of a group.
type GroupAct string

// GroupActs returns every act, in the order in which they are offered.
func GroupActs() []GroupAct {
	return []GroupAct{GroupResend, GroupForce, GroupVerified, GroupRejected, GroupOptOut}
}

// GroupResult tells what came of an act on several users.
type GroupResult struct {
	Done    int
	Refused []Refused
}

// Refused counts users for whom an act was refused for the same reason.
type Refused struct {
	Why    string
	Users  int
	Sample string // the id of one of them
}
