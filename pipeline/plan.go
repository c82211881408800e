package pipeline

import "time"

// Plan is the sequence of mails that a user gets: an invite at once, reminders
// after their delays, a re-issue when the last link expires. It is made from
// the configuration once, and every answer it gives is pure.
type Plan struct {
	Reminders       []time.Duration // since the invite, increasing
	ReissueOnExpiry bool
	MinGap          time.Duration // between two mails to one user
	MaxMails        int           // to one user, over all steps
	Hours           Hours         // on the user's own clock
	ResendDoubt     bool          // repeat a mail in doubt, or leave it to an operator
	Tries           int           // attempts at one delivery before it fails
}

// together is how far apart two mails count as due at the same time. A link is
// minted a moment before its mail is accepted, so a reminder after a day and the
// end of a link that lives for a day are never due at the very same time.
const together = 10 * time.Minute

// Next is a mail that the plan owes a user.
type Next struct {
	Step     Step
	DueAt    time.Time
	Operator bool // an operator asked for it: it goes out at any hour
}

// Next returns the user's next mail, and false when none is owed: the user is
// not pending, has had the most mails allowed, or the sequence is over.
//
// A reminder whose time passed before the latest mail went out is left out, so
// that a user gets one mail after a long stop, not the backlog. When a reminder
// and a re-issue fall due together, to within ten minutes or the gap if that is
// less, the reminder is the one: it carries a fresh link as well.
func (p Plan) Next(u User, h History, now time.Time) (Next, bool) {
	switch {
	case u.Status != Pending:
		return Next{}, false
	case h.Mails == 0:
		return Next{Step: Invite, DueAt: p.Hours.Next(now, u.Location())}, true
	case h.Mails >= p.MaxMails:
		return Next{}, false
	}
	var next Next
	for _, delay := range p.Reminders {
		if at := h.InvitedAt.Add(delay); at.After(h.LastAt) {
			next = Next{Step: Reminder, DueAt: p.admit(at, u, h, now)}
			break
		}
	}
	if p.ReissueOnExpiry && !h.LinkExpiresAt.IsZero() {
		at := p.admit(h.LinkExpiresAt, u, h, now)
		if next.Step == "" || next.DueAt.Sub(at) > min(together, p.MinGap) {
			next = Next{Step: Reissue, DueAt: at}
		}
	}
	return next, next.Step != ""
}

// admit moves at to the first moment that is not past, keeps the gap to the
// latest mail and lies within the sending hours.
func (p Plan) admit(at time.Time, u User, h History, now time.Time) time.Time {
	if earliest := h.LastAt.Add(p.MinGap); at.Before(earliest) {
		at = earliest
	}
	if at.Before(now) {
		at = now
	}
	return p.Hours.Next(at, u.Location())
}

// Defer tells whether a delivery that is due must wait all the same, because
// it is not a decent hour where the user lives, and until when. What an
// operator asked for goes out at any hour.
func (p Plan) Defer(d *Delivery, now time.Time) (until time.Time, wait bool) {
	if d.Operator {
		return now, false
	}
	until = p.Hours.Next(now, d.User.Location())
	return until, until.After(now)
}

// Admit looks at a delivery right before its first stage. A mail whose hour is
// not decent waits, and so does one that the plan, which may have changed since
// it fell due, owes later; one that it no longer owes is cancelled. What an
// operator asked for, and a mail in doubt, goes on.
func (p Plan) Admit(d *Delivery, now time.Time) (v Verdict, wait bool) {
	if d.Operator {
		return Verdict{}, false
	}
	if d.History.Mails > 0 && !d.Repeat {
		next, owed := p.Next(d.User, d.History, now)
		switch {
		case !owed:
			return Verdict{
				State: Cancelled, Outcome: OutcomeCancelled, Tried: true,
				Code: "plan_changed", Reason: "the plan no longer owes the user this mail",
			}, true
		case next.DueAt.After(now):
			return PutBack(d, next.DueAt), true
		}
	}
	if until, wait := p.Defer(d, now); wait {
		return PutBack(d, until), true
	}
	return Verdict{}, false
}

// ResendStep is the step that a mail sent on request takes: the invite for a
// user who never got one, otherwise a fresh link.
func ResendStep(h History) Step {
	if h.Mails == 0 {
		return Invite
	}
	return Reissue
}

// GapLeft is how long a user must still be left in peace after the latest
// mail; zero or less when the gap is over.
func (p Plan) GapLeft(h History, now time.Time) time.Duration {
	if h.Mails == 0 {
		return 0
	}
	return h.LastAt.Add(p.MinGap).Sub(now)
}
