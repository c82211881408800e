package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// tickets is the ledger as the pages for users ask for it.
type tickets struct {
	ledger    publicLedger
	mostMails int // that the plan allows a user
}

// Ticket implements [web.Tickets]. How many mails are enough is the plan's to say, and
// the ledger does not know the plan.
func (t tickets) Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error) {
	found, err := t.ledger.Ticket(ctx, digest)
	found.NoMail = found.NoMail || found.Mails >= t.mostMails
	return found, unknownTicket(err)
}

// OptOut implements [web.OptOuts].
func (t tickets) OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (after pipeline.Ticket, changed bool, err error) {
	after, changed, err = t.ledger.OptOut(ctx, digest, now)
	return after, changed, unknownTicket(err)
}

// AskLater implements [web.Askers].
func (t tickets) AskLater(ctx context.Context, digest pipeline.TicketDigest, now time.Time) error {
	err := t.ledger.AskLater(ctx, digest, t.mostMails, now)
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Code == store.CodeWishNeedless {
		return fmt.Errorf("%w: %w", web.ErrNoTrouble, err)
	}
	return unknownTicket(err)
}

// unknownTicket turns what the ledger does not know into what the pages don't.
func unknownTicket(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", web.ErrUnknownTicket, err)
	}
	return err
}

// news is the ledger as the webhook, and whoever asks the partner API, tells it
// what the partner said.
type news struct{ *engine }

// News implements [intake.Ledger].
func (n news) News(ctx context.Context, said pipeline.News) (pipeline.Effect, error) {
	return n.store.News(ctx, said, planner(n.plan, n.now), n.now())
}

// Tell implements [pipeline.Teller].
func (n news) Tell(ctx context.Context, u pipeline.User, s pipeline.Status) error {
	return n.store.Tell(ctx, u.ID, s, planner(n.plan, n.now), n.now())
}

// visitors is the ledger as the pages tell it what came to lasting links. What it took
// is counted in the metrics as well.
type visitors struct{ *engine }

// CountVisits implements [web.VisitLedger].
func (v visitors) CountVisits(ctx context.Context, visits []pipeline.Visit) error {
	err := v.store.CountVisits(ctx, visits)
	if err == nil {
		v.metrics.CountVisits(visits)
	}
	return err
}
