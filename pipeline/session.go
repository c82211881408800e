package pipeline

import (
	"context"
	"errors"
	"time"
)

// Sessions is the ledger of the verification sessions that are opened for a user
// who asks for one, and not for a mail.
type Sessions interface {
	// StartSession decides, in one transaction, what the holder gets. Of those who
	// ask at the same time for one user, on whichever machines, one mints and the
	// others wait. Whoever mints has so long, lease, to finish or give up; after
	// that the mint is doubtful, and another may.
	StartSession(ctx context.Context, who Holder, r SessionRules, now time.Time) (Opening, error)

	// FinishSession commits the link of the session. A [Fault] says why it must not
	// be used: another user has the same.
	FinishSession(ctx context.Context, session int64, l Link) error

	// GiveUpSession ends a session for which nothing was minted, or nobody knows:
	// then doubtful is true, and it counts towards the budget.
	GiveUpSession(ctx context.Context, session int64, doubtful bool, now time.Time) error
}

// Holder is who asks for a session: whoever has a ticket, or a partner's app on
// behalf of a user. Exactly one of Ticket and UserID is set.
type Holder struct {
	Ticket *TicketDigest
	UserID string
	Probe  bool // alta asks of itself, with the user's ticket, to see whether the partner API is back
}

// SessionRules bound what a user may have.
type SessionRules struct {
	Budget  Budget
	MinLife time.Duration // a session with more left is used again
	TTL     time.Duration // assumed of a fresh one
	Lease   time.Duration // for a mint; longer than any call of the partner API
}

// What somebody who asks for a session gets.
const (
	OpenMint   OpeningKind = iota // mint one, and finish the session
	OpenReuse                     // the one that was minted before
	OpenWait                      // nothing yet: somebody else mints it this moment
	OpenSpent                     // nothing before Opens: the budget is spent
	OpenRefuse                    // nothing: the user is done, withdrawn or opted out
)

// OpeningKind tells what somebody who asks for a session gets.
type OpeningKind int

// Opening is what somebody who asks for a session gets.
type Opening struct {
	Kind    OpeningKind
	User    User
	Session int64     // with OpenMint
	Link    Link      // with OpenReuse
	Opens   time.Time // with OpenSpent
}

// CodeWait is the [Fault.Code] of a user whose session somebody else was minting
// for longer than was waited.
const CodeWait = "session_wait"

// CodeNoTurn is the [Fault.Code] of a user who clicked and got no turn at the partner
// API, which is slow, or has too many who ask.
const CodeNoTurn = "session_no_turn"

// waitEvery is how often a session that another one mints is looked for.
const waitEvery = 100 * time.Millisecond

// Counter opens sessions for users who ask for them.
type Counter struct {
	Ledger Sessions
	Issuer Issuer
	Ask    Stage // before a mint, what else may keep it from happening; nil is nothing
	Rules  SessionRules
	Now    Clock
}

// Open returns a link with more than MinLife left: the one that the user has, or
// a fresh one. minted tells which. Its error is a [Fault], or the ledger's: a
// Cancel for a user who may have none, a Retry with [CodeBudget] for one who has
// had too many, and otherwise what the partner API said. The end of ctx ends the
// wait for somebody else's mint, and no mint.
func (c Counter) Open(ctx context.Context, who Holder) (l Link, minted bool, err error) {
	for {
		o, err := c.Ledger.StartSession(ctx, who, c.Rules, c.Now())
		if err != nil {
			return Link{}, false, err
		}
		switch o.Kind {
		case OpenMint:
			l, err := c.mint(context.WithoutCancel(ctx), o)
			return l, err == nil, err
		case OpenReuse:
			return o.Link, false, nil
		case OpenSpent:
			return Link{}, false, c.Rules.Budget.fault(o.Opens, c.Now())
		case OpenRefuse:
			return Link{}, false, &Fault{Kind: Cancel, Code: "user_" + string(o.User.Status), Reason: "the user is " + string(o.User.Status) + ", and gets no verification"}
		}
		select {
		case <-ctx.Done():
			return Link{}, false, &Fault{Kind: Retry, Code: CodeWait, Reason: "a session of this user is being opened and did not come in time", Err: ctx.Err()}
		case <-time.After(waitEvery):
		}
	}
}

func (c Counter) mint(ctx context.Context, o Opening) (Link, error) {
	issued := c.Now()
	url, err := c.issue(ctx, o.User)
	if err == nil {
		l := Link{URL: url, IssuedAt: issued, ExpiresAt: issued.Add(c.Rules.TTL)}
		if err = c.Ledger.FinishSession(ctx, o.Session, l); err == nil {
			return l, nil
		}
	}
	f := AsFault(err)
	// A link that was minted and not kept is one that nobody gets.
	doubtful := f.Doubtful || !url.IsZero()
	return Link{}, errors.Join(err, c.Ledger.GiveUpSession(ctx, o.Session, doubtful, c.Now()))
}

func (c Counter) issue(ctx context.Context, u User) (Secret, error) {
	if c.Ask != nil {
		if err := c.Ask(ctx, &Delivery{User: u}); err != nil {
			return Secret{}, err
		}
	}
	return c.Issuer.Issue(ctx, u)
}
