package store

import (
	"slices"
	"time"

	"alta/pipeline"
)

// Moment is one thing that is known to have happened to a user, or that will. Which
// fields are set depends on its kind.
type Moment struct {
	At   time.Time
	Kind MomentKind

	Step  pipeline.Step // of the mail, and below
	Round int
	State pipeline.State

	Outcome pipeline.Outcome // of an attempt, and below
	Code    string
	Reason  string
	Reply   string // the mail server's, verbatim

	Until   time.Time          // of a link, how long it can be used; zero for one that lasts, or was never minted
	Session SessionState       // of a session
	AskedBy string             // of a session, [ByClick], [ByApp] or [ByProbe]
	Visit   pipeline.VisitKind // of visits
	Event   string             // of news, and below
	Effect  pipeline.Effect
	N       int       // how often, for visits and news
	LastAt  time.Time // the latest of them

	Actor  string // of an act by hand, and below
	Action string
	Detail string
}

// MomentKind is what kind of thing happened.
type MomentKind string

// The kinds, in the order of those that happen at the same time.
const (
	MomentAdded     MomentKind = "added"     // the user came into the ledger
	MomentUpdated   MomentKind = "updated"   // something about the user changed, for the latest time
	MomentNews      MomentKind = "news"      // the partner said so
	MomentAct       MomentKind = "act"       // somebody did it by hand
	MomentLink      MomentKind = "link"      // a link was minted for a mail
	MomentAttempt   MomentKind = "attempt"   // a mail was tried
	MomentCancelled MomentKind = "cancelled" // a mail is no longer owed
	MomentVisits    MomentKind = "visits"    // the link was looked at, within one hour
	MomentSession   MomentKind = "session"   // a verification was asked for
	MomentVerified  MomentKind = "verified"  // the user became verified
	MomentDue       MomentKind = "due"       // a mail is owed, or under way
)

func momentKinds() []MomentKind {
	return []MomentKind{
		MomentAdded, MomentUpdated, MomentNews, MomentAct, MomentLink, MomentAttempt, MomentCancelled, MomentVisits, MomentSession, MomentVerified, MomentDue,
	}
}

// MostMoments is how many moments a timeline has at most, the latest.
const MostMoments = 500

// Life is all that the ledger knows of one user.
type Life struct {
	User       UserRecord
	Deliveries []DeliveryRecord
	Links      []LinkRecord
	Audit      []AuditEntry
	Visits     []VisitRecord
	Sessions   []SessionRecord
	News       []NewsRecord
}

// Moments puts all of it in the order of time, the oldest first.
func (l Life) Moments() []Moment {
	all := []Moment{{Kind: MomentAdded, At: l.User.CreatedAt}}
	if l.User.UpdatedAt.After(l.User.CreatedAt) {
		all = append(all, Moment{Kind: MomentUpdated, At: l.User.UpdatedAt})
	}
	if !l.User.VerifiedAt.IsZero() {
		all = append(all, Moment{Kind: MomentVerified, At: l.User.VerifiedAt})
	}
	for _, d := range l.Deliveries {
		all = append(all, d.moments()...)
	}
	for _, k := range l.Links {
		all = append(all, Moment{Kind: MomentLink, At: k.IssuedAt, Until: k.ExpiresAt})
	}
	for _, e := range l.Audit {
		all = append(all, Moment{Kind: MomentAct, At: e.At, Actor: e.Actor, Action: e.Action, Detail: e.Detail})
	}
	for _, v := range l.Visits {
		all = append(all, Moment{Kind: MomentVisits, At: v.FirstAt, LastAt: v.LastAt, N: v.N, Visit: v.Kind, Step: v.Step, Round: v.Round})
	}
	for _, s := range l.Sessions {
		all = append(all, Moment{Kind: MomentSession, At: s.AskedAt, Until: s.ExpiresAt, Session: s.State, AskedBy: s.AskedBy})
	}
	for _, n := range l.News {
		all = append(all, Moment{Kind: MomentNews, At: n.FirstAt, LastAt: n.LastAt, N: n.N, Event: n.Event, Effect: n.Effect})
	}
	kinds := momentKinds()
	slices.SortStableFunc(all, func(a, b Moment) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
	})
	return all[max(len(all)-MostMoments, 0):]
}

// moments are those of one mail: what was tried, and how it stands.
func (d DeliveryRecord) moments() (all []Moment) {
	for _, a := range d.Attempts {
		all = append(all, Moment{
			Kind: MomentAttempt, At: a.At, Step: d.Step, Round: d.Round,
			Outcome: a.Outcome, Code: a.Code, Reason: a.Reason, Reply: a.Reply,
		})
	}
	now := Moment{Step: d.Step, Round: d.Round, State: d.State, Code: d.Code, Reason: d.Reason}
	switch d.State {
	case pipeline.Due, pipeline.Claimed, pipeline.Sending:
		now.Kind, now.At = MomentDue, d.DueAt
	case pipeline.Cancelled:
		now.Kind, now.At = MomentCancelled, d.UpdatedAt
		tried := func(a AttemptRecord) bool { return a.Outcome == pipeline.OutcomeCancelled }
		if slices.ContainsFunc(d.Attempts, tried) {
			return all // which says so
		}
	default:
		return all // as the latest attempt says
	}
	return append(all, now)
}
