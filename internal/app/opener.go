package app

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
)

// turnWithin is how long somebody who clicked waits for a turn at the partner API,
// which capa.rate, its connections and its pauses allow.
const turnWithin = 15 * time.Second

// leaseMargin is for what else a mint takes, at the ledger above all.
const leaseMargin = 30 * time.Second

// opener opens sessions for users who click, and counts what comes of it.
type opener struct {
	counter pipeline.Counter
	engine  *engine
}

func (e *engine) opener() opener {
	c := e.config
	return opener{engine: e, counter: pipeline.Counter{
		Ledger: e.store,
		Issuer: promptIssuer{e.capa},
		Ask:    e.inquire(),
		Rules: pipeline.SessionRules{
			Budget: pipeline.Budget(c.Plan.MaxLinks), MinLife: c.Capa.LeastLife(), TTL: c.Capa.LinkTTL,
			Lease: e.mintLimit() + leaseMargin,
		},
		Now: e.now,
	}}
}

// mintLimit is the longest that a session takes to be minted: a turn and a call to
// ask where the user stands, and both to mint.
func (e *engine) mintLimit() time.Duration { return 2 * (turnWithin + e.config.Capa.Timeout) }

// Open implements [web.Opener].
func (o opener) Open(ctx context.Context, who pipeline.Holder) (l pipeline.Link, minted bool, err error) {
	l, minted, err = o.counter.Open(ctx, who)
	o.engine.metrics.CountOpening(minted, err)
	return l, minted, unknownTicket(err)
}

// promptIssuer mints for somebody who waits before a screen.
type promptIssuer struct{ pipeline.Issuer }

// Issue implements [pipeline.Issuer]. The call itself has a limit of its own, and is
// not cut off.
func (i promptIssuer) Issue(ctx context.Context, u pipeline.User) (pipeline.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	url, err := i.Issuer.Issue(ctx, u)
	return url, noTurn(err)
}

// promptInquirer asks for somebody who waits before a screen.
type promptInquirer struct{ pipeline.Inquirer }

// Inquire implements [pipeline.Inquirer].
func (i promptInquirer) Inquire(ctx context.Context, u pipeline.User) (pipeline.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	status, err := i.Inquirer.Inquire(ctx, u)
	return status, noTurn(err)
}

// noTurn says of a wait that was given up that nothing was sent. Where the partner API
// hangs, most users who click meet this.
func noTurn(err error) error {
	if _, classified := errors.AsType[*pipeline.Fault](err); err == nil || classified || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: pipeline.CodeNoTurn,
		Reason: "capa.rate, capa.connections or a pause that the partner API asked for left no room for a user who clicked; nothing was sent", Err: err,
	}
}
