package app

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"alta/pipeline"
	"alta/store"
)

// fillPublic adds what the public pages leave in a ledger: a lasting link and what
// came to it, sessions, somebody who asks for a mail, and the partner's news.
func (l *ledgerMaker) fillPublic() {
	t, ctx := l.t, l.t.Context()
	l.enrol(pipeline.DO, pipeline.Individual, "lasting", "left")
	q := l.startRun(l.now.Add(-time.Minute))
	tickets := map[string]*pipeline.TicketDigest{}
	for id, d := range l.pull(q) {
		check(t, pipeline.Lasting("https://kyc.pagoclaro.example", rand.Reader, func() time.Time { return l.now })(ctx, d))
		check(t, q.Keep(ctx, d))
		d.Message = pipeline.Message{ID: rand.Text() + "@pagoclaro.example", Date: l.now}
		d.Message.Digest = d.Message.Content.Digest()
		check(t, q.Begin(ctx, d, l.now))
		d.Receipt.Reply = "250 2.0.0 aceptado"
		l.record(q, d, l.plan, nil)
		tickets[id] = d.Link.Ticket
		check(t, l.CountVisits(ctx, []pipeline.Visit{{LinkID: d.Link.ID, Kind: pipeline.Scanned, N: 3, At: l.now}, {LinkID: d.Link.ID, Kind: pipeline.Opened, N: 1, At: l.now}}))
	}
	check(t, l.FinishRun(ctx, l.run, pipeline.Report{Selected: 2, Sent: 2}, nil, l.now))

	rules := pipeline.SessionRules{Budget: 9, MinLife: time.Hour, TTL: 100 * time.Hour, Lease: 200 * time.Hour}
	o, err := l.StartSession(ctx, pipeline.Holder{Ticket: tickets["lasting"]}, rules, l.now)
	check(t, err)
	check(t, l.FinishSession(ctx, o.Session, pipeline.Link{
		URL: pipeline.NewSecret("https://kyc.sandbox.example/?_al=" + rand.Text()), IssuedAt: l.now, ExpiresAt: l.now.Add(rules.TTL),
	}))
	_, err = l.StartSession(ctx, pipeline.Holder{UserID: "left"}, rules, l.now)
	check(t, err)
	check(t, l.AskLater(ctx, *tickets["left"], l.plan.MaxMails, l.now))
	for _, n := range []pipeline.News{{ExternalID: "x-left", Event: "CREATED_KYC", Status: pipeline.InReview}, {ExternalID: "de nadie: ñ", Event: "DELETED_KYC"}} {
		_, err := l.News(ctx, n, l.planner, l.now)
		check(t, err)
	}
}

// publicAnswers is what a ledger answers to the public pages, and about them.
type publicAnswers struct {
	Sessions map[string][]store.SessionRecord
	Visits   map[string][]store.VisitRecord
	News     map[string][]store.NewsRecord
	Inbox    []store.NewsRecord
	Askers   []store.Wisher
}

// answeringLedger is what either engine answers.
type answeringLedger interface {
	SessionsOf(ctx context.Context, user string) ([]store.SessionRecord, error)
	Visits(ctx context.Context, user string) ([]store.VisitRecord, error)
	NewsOf(ctx context.Context, user string) ([]store.NewsRecord, error)
	Inbox(ctx context.Context, n int) ([]store.NewsRecord, error)
	Askers(ctx context.Context, n int, now time.Time) ([]store.Wisher, error)
}

func askPublic(t *testing.T, l answeringLedger, users []store.UserRecord) publicAnswers {
	t.Helper()
	a := publicAnswers{Sessions: map[string][]store.SessionRecord{}, Visits: map[string][]store.VisitRecord{}, News: map[string][]store.NewsRecord{}}
	var err error
	for _, u := range users {
		a.Sessions[u.User.ID], err = l.SessionsOf(t.Context(), u.User.ID)
		check(t, err)
		a.Visits[u.User.ID], err = l.Visits(t.Context(), u.User.ID)
		check(t, err)
		a.News[u.User.ID], err = l.NewsOf(t.Context(), u.User.ID)
		check(t, err)
	}
	a.Inbox, err = l.Inbox(t.Context(), 10)
	check(t, err)
	a.Askers, err = l.Askers(t.Context(), 10, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	check(t, err)
	return a
}
