package app

import (
	"context"
	"time"

	"alta/pipeline"
	"alta/store"
)

// publicLedger is what the pages for users and the webhook ask of either engine.
type publicLedger interface {
	Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error)
	pipeline.Sessions
	SessionsOf(ctx context.Context, user string) ([]store.SessionRecord, error)
	CountVisits(ctx context.Context, visits []pipeline.Visit) error
	Visits(ctx context.Context, user string) ([]store.VisitRecord, error)

	OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error)
	AskLater(ctx context.Context, digest pipeline.TicketDigest, mostMails int, now time.Time) error
	Askers(ctx context.Context, n int, now time.Time) ([]store.Wisher, error)
	AnswerAsker(ctx context.Context, user string, mostMails int, now time.Time) (queued bool, err error)
	DropAsker(ctx context.Context, user string) error

	News(ctx context.Context, n pipeline.News, plan store.Planner, now time.Time) (pipeline.Effect, error)
	Tell(ctx context.Context, id string, s pipeline.Status, plan store.Planner, now time.Time) error
	NewsOf(ctx context.Context, user string) ([]store.NewsRecord, error)
}
