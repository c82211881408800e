package store

import (
	"time"

	"alta/pipeline"
)

// Wisher is a user who wants to be mailed when the partner API is back.
type Wisher struct {
	User   pipeline.User
	Ticket pipeline.TicketDigest // with which the user asked
}

const (
	// WishDay is how far apart two answers to one user's wishes are at least: such a
	// mail goes at any hour and within the plan's gap, and must not be had at will.
	WishDay = 24 * time.Hour
	// TroubleFor is how long a session that failed shows that the partner API is in
	// trouble.
	TroubleFor = time.Hour
)

// The [pipeline.Fault.Code] of a wish that is of no use: the partner API is not known
// to be in trouble, or no mail may follow.
const (
	CodeWishNeedless = "later_needless"
	CodeWishVain     = "later_vain"
)

// WishFacts are what a ledger knows when a user asks for a mail later.
type WishFacts struct {
	Ticket  pipeline.Ticket
	Trouble bool // a session failed lately, of the user or of the same country and type
}

// MayWish says why the user can't ask for a mail later, nil when that is possible. A
// user in review gets no mail, and neither does one who has had all, mostMails, that
// the plan allows, or whose mail an operator holds.
func MayWish(f WishFacts, mostMails int) error {
	switch {
	case !f.Ticket.Alive():
		return Closed(f.Ticket.User.Status)
	case f.Ticket.User.Status == pipeline.InReview:
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: CodeWishVain, Reason: "the user is in review, and gets no mail"}
	case f.Ticket.Mails >= mostMails:
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: CodeWishVain, Reason: "the user has had all mails that plan.max_mails allows"}
	case f.Ticket.NoMail: // nobody would answer, and the user would wait in vain
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: CodeWishVain, Reason: "an operator holds the user's mail, or the address takes none"}
	case !f.Trouble:
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: CodeWishNeedless, Reason: "no session failed lately, so that the user may as well open one"}
	}
	return nil
}

// KnowUser tells the ticket of its user. Whether an operator holds a mail, the ticket
// knows before.
func KnowUser(t *pipeline.Ticket, row UserRow) {
	t.User, t.Withdrawn, t.Mails = row.User, row.Withdrawn, row.History.Mails
	t.NoMail = t.NoMail || row.Status == pipeline.InReview || !row.MayMail(true)
}

// MayAnswer tells whether a mail may answer the user's wish. The user asked for it, so
// that it goes like one that an operator asked for, but within the plan's bound.
func MayAnswer(row UserRow, mostMails int) bool {
	return row.MayMail(true) && row.History.Mails < mostMails
}
