package web

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
)

// ErrPlace says that [UserQuery.After] is not what a page before has returned.
var ErrPlace = errors.New("the place to go on from is none")

// UserFinder finds users.
type UserFinder interface {
	// FindUsers returns a page of users. Its error wraps [ErrPlace] for a place that is
	// none.
	FindUsers(ctx context.Context, q UserQuery) (UserList, error)
}

// UserQuery is what an operator looks for; zero fields match every user.
type UserQuery struct {
	Text    string // how an e-mail address, a name or an id begins
	Country pipeline.Country
	Status  pipeline.Status
	Stage   UserStage
	Type    pipeline.UserType
	Locale  pipeline.Locale
	After   string // where the page before ended; "" for the first page
	Limit   int
}

// The stages of pending users.
const (
	StageWaiting   UserStage = "waiting" // no mail yet
	StageMailed    UserStage = "mailed"
	StageOpened    UserStage = "opened"    // has opened the link of a mail
	StageWithdrawn UserStage = "withdrawn" // the source no longer returns the user
	StageAddress   UserStage = "bad_email" // the address takes no mail
)

// UserStage is how far a pending user has come.
type UserStage string

func userStages() []UserStage {
	return []UserStage{StageWaiting, StageMailed, StageOpened, StageWithdrawn, StageAddress}
}

// UserList is one page of users.
type UserList struct {
	Users []UserRow
	// Next is where the next page begins, "" behind the last. A page can be short, and
	// even empty, where few of very many match.
	Next string
}

// UserRow is one user of a list.
type UserRow struct {
	ID, ExternalID, Name, Email string
	Country                     pipeline.Country
	Locale                      pipeline.Locale
	Type                        pipeline.UserType
	Status                      pipeline.Status
	Mails                       int
	LastMail                    time.Time // zero for none
	OpenedAt                    time.Time // when a person first opened the link; zero for never
	VerifiedAt                  time.Time
	AddedAt                     time.Time
	AddressBad, Withdrawn       bool
}
