package store

import (
	"testing"
	"time"

	"alta/pipeline"
)

// clickOnce does all that is done with a link that lasts, and on the partner's word.
func clickOnce(t *testing.T, s *Store) {
	t.Helper()
	ctx, by, rules := t.Context(), Act{"olga", "test"}, pipeline.SessionRules{Budget: 3, MinLife: time.Hour, Lease: time.Minute}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u := pipeline.User{ID: "clicks", ExternalID: "x-clicks", Email: "clicks@example.com", Name: "C", Country: pipeline.DO}
	_, err := s.Enrol(ctx, []pipeline.User{u}, Imported, inviteAt(noon), noon)
	check(err)
	digest, link := mailTicket(t, s, "clicks")
	ticket, err := s.Ticket(ctx, digest)
	check(err)
	if ticket.LinkID != link {
		t.Fatalf("the ticket leads to %d, want %d", ticket.LinkID, link)
	}
	for _, who := range []pipeline.Holder{{Ticket: &digest}, {UserID: "clicks"}} {
		o, err := s.StartSession(ctx, who, rules, noon)
		check(err)
		check(s.GiveUpSession(ctx, o.Session, true, noon))
	}
	o, err := s.StartSession(ctx, pipeline.Holder{UserID: "clicks"}, rules, noon)
	check(err)
	check(s.FinishSession(ctx, o.Session, pipeline.Link{URL: pipeline.NewSecret("https://kyc.example.com/session"), IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
	check(s.Shred(ctx, noon))
	_, err = s.SessionsOf(ctx, "clicks")
	check(err)
	check(s.CountVisits(ctx, []pipeline.Visit{{LinkID: link, Kind: pipeline.Opened, N: 1, At: noon}}))
	_, err = s.Visits(ctx, "clicks")
	check(err)
	check(s.AskLater(ctx, digest, 9, noon))
	_, err = s.Askers(ctx, 10, noon)
	check(err)
	_, err = s.AnswerAsker(ctx, "clicks", 9, noon)
	check(err)
	check(s.DropAsker(ctx, "clicks"))
	_, _, err = s.OptOut(ctx, digest, noon)
	check(err)
	_, err = s.News(ctx, pipeline.News{ExternalID: "x-clicks", Event: "VERIFIED_USER", Status: pipeline.Verified}, nil, noon)
	check(err)
	_, err = s.News(ctx, pipeline.News{ExternalID: "x-nobody", Event: "VERIFIED_USER", Status: pipeline.Verified}, nil, noon)
	check(err)
	_, err = s.Inbox(ctx, 10)
	check(err)
	check(s.SettleNews(ctx, "x-nobody", "VERIFIED_USER", by, noon))
	_, err = s.NewsOf(ctx, "clicks")
	check(err)
	check(s.Erase(ctx, "clicks", by, noon))
}

// mailTicket sends the user, for whom something is due, a mail with a lasting link.
func mailTicket(t *testing.T, s *Store, user string) (digest pipeline.TicketDigest, link int64) {
	t.Helper()
	run, _, err := s.StartRun(t.Context(), ByCommand, time.Time{}, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, Everything)
	batch, err := q.Pull(t.Context(), noon, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		if d.User.ID != user {
			continue
		}
		digest = pipeline.DigestTicket(user)
		d.Link = pipeline.Link{URL: pipeline.NewSecret("https://kyc.acme.example/k/" + user), Ticket: &digest, IssuedAt: noon}
		fill(t, q, d)
		if err := q.Begin(t.Context(), d, noon); err != nil {
			t.Fatal(err)
		}
		if err := q.Record(t.Context(), d, pipeline.Plan{}.Judge(d, nil, noon), noon); err != nil {
			t.Fatal(err)
		}
		return digest, d.Link.ID
	}
	t.Fatalf("nothing is due for %s", user)
	return digest, 0
}
