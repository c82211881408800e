package store

import (
	"time"

	"alta/pipeline"
)

// SessionFacts is what a ledger knows when somebody asks for a session.
type SessionFacts struct {
	Ticket    pipeline.Ticket // with User and Withdrawn only, when a partner's app asks
	App       bool            // a partner's app asks, and no ticket
	Probe     bool            // alta asks of itself
	Open      pipeline.Link   // the one that lives longest of those that were minted and are not wiped; zero for none
	LeaseEnds time.Time       // of the session that is being minted; zero for none
	Mints     []time.Time     // when links were minted for the user, or may have been; that session's among them
}

// OpenFor decides what somebody who asks for a session at now gets. With
// [pipeline.OpenMint] the session's number is left to the ledger.
func OpenFor(f SessionFacts, r pipeline.SessionRules, now time.Time) pipeline.Opening {
	o := pipeline.Opening{User: f.Ticket.User}
	opens := r.Budget.Opens(f.Mints, now)
	switch {
	case !f.allowed():
		o.Kind = pipeline.OpenRefuse
	case f.Open.Usable(now, r.MinLife):
		o.Kind, o.Link = pipeline.OpenReuse, f.Open
	case f.LeaseEnds.After(now):
		o.Kind = pipeline.OpenWait
	case opens.After(now):
		o.Kind, o.Opens = pipeline.OpenSpent, opens
	default:
		o.Kind = pipeline.OpenMint
	}
	return o
}

// Clicked tells whether the user is led to a link, so that no mail need do it.
func (f SessionFacts) Clicked(o pipeline.Opening) bool {
	return o.Kind == pipeline.OpenReuse && !f.App && !f.Probe
}

// Lapsed tells whether the lease of a session is over that was being minted:
// nobody knows what came of it.
func (f SessionFacts) Lapsed(now time.Time) bool {
	return !f.LeaseEnds.IsZero() && !f.LeaseEnds.After(now)
}

// allowed tells whether whoever asks may have a session. An app has no mail that an
// operator sent to a user who opted out.
func (f SessionFacts) allowed() bool {
	if !f.App {
		return f.Ticket.Alive()
	}
	return GoesOn(f.Ticket.User.Status) && !f.Ticket.Withdrawn
}

// GoesOn tells whether a user of that status has a verification ahead, or under
// way.
func GoesOn(s pipeline.Status) bool { return s == pipeline.Pending || s == pipeline.InReview }

// LateSession says why the link that was minted for a session is used by nobody:
// the session ended before it came.
func LateSession(s pipeline.Status) *pipeline.Fault {
	if !GoesOn(s) {
		return Closed(s)
	}
	return &pipeline.Fault{
		Kind: pipeline.Retry, Code: "session_late",
		Reason: "the session was given up before its link came, since that took too long or the user's data changed; ask for another",
	}
}

// Closed says that a user of that status gets no verification any more.
func Closed(s pipeline.Status) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Cancel, Code: "user_" + string(s),
		Reason: "the user is " + string(s) + ", or the link in the mail ended with that, and gets no verification",
	}
}
