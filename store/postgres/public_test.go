package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// atOnce is how many ask for the same at the same time.
const atOnce = 50

// twoMachines are two ledgers on one database, each with connections of its own.
func twoMachines(t *testing.T) [2]*Store {
	t.Helper()
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	both := [2]*Store{openAt(t, url), openAt(t, url)}
	for _, s := range both {
		if err := s.UseKey(t.Context(), testKey(t)); err != nil {
			t.Fatal(err)
		}
	}
	return both
}

// mailTicket sends the one mail that is due with a lasting link.
func mailTicket(t *testing.T, s *Store) pipeline.Link {
	t.Helper()
	q := startRun(t, s).On(1, numberJobs)
	d := takeOne(t, q)
	if err := pipeline.Lasting("https://kyc.acme.example", rand.Reader, func() time.Time { return noon })(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	fill(&d, noon)
	if err := keepAndBegin(t.Context(), q, &d); err != nil {
		t.Fatal(err)
	}
	if err := q.Record(t.Context(), &d, sent(), noon); err != nil {
		t.Fatal(err)
	}
	return d.Link
}

// together has ask called from fifty goroutines, on each machine in turn, and counts
// the answers.
func together[T comparable](t *testing.T, machines [2]*Store, ask func(ctx context.Context, s *Store, i int) (T, error)) map[T]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	count := map[T]int{}
	for i := range atOnce {
		all.Go(func() {
			<-start
			answer, err := ask(t.Context(), machines[i%2], i)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[answer]++
		})
	}
	close(start)
	all.Wait()
	return count
}

func TestOfManyWhoAskOnSeveralMachinesOneMints(t *testing.T) {
	machines := twoMachines(t)
	enrolUsers(t, machines[0], person("ana"))
	ticket := mailTicket(t, machines[0]).Ticket
	rules := pipeline.SessionRules{Budget: 3, MinLife: time.Hour, TTL: 24 * time.Hour, Lease: time.Minute}
	for round := range 3 { // each when the session of the one before is as good as over
		now := noon.Add(time.Duration(round) * 25 * time.Hour)
		var minting struct {
			sync.Mutex
			session int64
		}
		ask := func(ctx context.Context, s *Store, i int) (pipeline.OpeningKind, error) {
			who := pipeline.Holder{Ticket: ticket}
			if i%3 == 0 {
				who = pipeline.Holder{UserID: "ana"}
			}
			o, err := s.StartSession(ctx, who, rules, now)
			if o.Kind == pipeline.OpenMint {
				minting.Lock()
				defer minting.Unlock()
				minting.session = o.Session
			}
			return o.Kind, err
		}
		if got := together(t, machines, ask); got[pipeline.OpenMint] != 1 || got[pipeline.OpenWait] != atOnce-1 {
			t.Fatalf("round %d: answers %v, want one mint and the others to wait", round, got)
		}
		l := pipeline.Link{URL: pipeline.NewSecret("https://kyc.example.com/" + rand.Text()), IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour)}
		if err := machines[1].FinishSession(t.Context(), minting.session, l); err != nil {
			t.Fatal(err)
		}
		if got := together(t, machines, ask); got[pipeline.OpenReuse] != atOnce {
			t.Fatalf("round %d: answers %v, want the one that was minted", round, got)
		}
	}
}

// Of many mints that come with the same link for as many users, one is used, and
// none any more once the next one has come.
func TestOneLinkForManyUsersIsForNobody(t *testing.T) {
	machines := twoMachines(t)
	users := numbered("user", atOnce)
	enrolUsers(t, machines[0], users...)
	rules := pipeline.SessionRules{Budget: 3, MinLife: time.Hour, TTL: 24 * time.Hour, Lease: time.Minute}
	same := pipeline.Link{URL: pipeline.NewSecret("https://kyc.example.com/the-same"), IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour)}
	got := together(t, machines, func(ctx context.Context, s *Store, i int) (string, error) {
		o, err := s.StartSession(ctx, pipeline.Holder{UserID: users[i].ID}, rules, noon)
		if err != nil {
			return "", err
		}
		err = s.FinishSession(ctx, o.Session, same)
		if fault, ok := errors.AsType[*pipeline.Fault](err); ok {
			return fault.Code, nil
		}
		return "used", err
	})
	if got["used"] != 1 || got[store.CodeSharedLink] != atOnce-1 {
		t.Errorf("what became of the mints: %v", got)
	}
	if n := number(t, machines[0], `SELECT count(*) FROM sessions WHERE sealed IS NOT NULL`); n != 0 {
		t.Errorf("%d may still be opened", n)
	}
}

func TestNewsThatComesToSeveralMachinesHasOneEffect(t *testing.T) {
	machines := twoMachines(t)
	ana := person("ana")
	ana.ExternalID = "x-1"
	enrolUsers(t, machines[0], ana)
	events := []pipeline.News{
		{ExternalID: "x-1", Event: "VERIFIED_USER", Status: pipeline.Verified},
		{ExternalID: "x-2", Event: "VERIFIED_USER", Status: pipeline.Verified},
	}
	got := together(t, machines, func(ctx context.Context, s *Store, i int) (pipeline.Effect, error) {
		return s.News(ctx, events[i/2%2], inviteAt(noon), noon)
	})
	if got[pipeline.Applied] != 1 || got[pipeline.KnownAlready] != 25 || got[pipeline.UnknownUser] != 24 {
		t.Errorf("effects %v", got)
	}
	if n := number(t, machines[0], `SELECT sum(n) FROM news`); n != atOnce {
		t.Errorf("%d were counted, want %d", n, atOnce)
	}
	// Where two of them end the verification, whichever came first stays.
	bob := person("bob")
	bob.ExternalID = "x-3"
	enrolUsers(t, machines[0], bob)
	ends := []pipeline.News{
		{ExternalID: "x-3", Event: "CREATED_KYC", Status: pipeline.InReview},
		{ExternalID: "x-3", Event: "VERIFIED_USER", Status: pipeline.Verified},
		{ExternalID: "x-3", Event: "REJECTED_KYC", Status: pipeline.Rejected},
	}
	together(t, machines, func(ctx context.Context, s *Store, i int) (pipeline.Effect, error) {
		return s.News(ctx, ends[i%3], inviteAt(noon), noon)
	})
	if n := number(t, machines[0], `SELECT count(*) FROM news n JOIN users u ON u.external_id = n.external_id
		WHERE u.id = 'bob' AND n.effect = 'applied' AND (n.event, u.status) IN (('VERIFIED_USER', 'verified'), ('REJECTED_KYC', 'rejected'))`); n != 1 {
		t.Errorf("%d ends of the verification had an effect", n)
	}
}

func TestOptingOutOnSeveralMachinesHappensOnce(t *testing.T) {
	machines := twoMachines(t)
	enrolUsers(t, machines[0], person("ana"))
	ticket := mailTicket(t, machines[0]).Ticket
	got := together(t, machines, func(ctx context.Context, s *Store, _ int) (bool, error) {
		ticket, changed, err := s.OptOut(ctx, *ticket, noon)
		if err == nil && (ticket.Alive() || ticket.User.Status != pipeline.OptedOut) {
			t.Errorf("it leads to %+v", ticket)
		}
		return changed, err
	})
	if got[true] != 1 {
		t.Errorf("%d changed something", got[true])
	}
	if n := number(t, machines[0], `SELECT count(*) FROM audit WHERE action = 'opt_out'`); n != 1 {
		t.Errorf("%d lines of the audit log", n)
	}
}

func TestAnAskerIsAnsweredByOneMachine(t *testing.T) {
	machines := twoMachines(t)
	enrolUsers(t, machines[0], person("ana"))
	ticket := mailTicket(t, machines[0]).Ticket
	machines[0].exec(t, `INSERT INTO sessions (user_key, state, began_at, lease_ends) SELECT key, 'failed', $1, 0 FROM users`, noon.UnixMilli())
	together(t, machines, func(ctx context.Context, s *Store, _ int) (struct{}, error) {
		return struct{}{}, s.AskLater(ctx, *ticket, 9, noon)
	})
	got := together(t, machines, func(ctx context.Context, s *Store, _ int) (bool, error) {
		return s.AnswerAsker(ctx, "ana", 9, noon)
	})
	if got[true] != 1 {
		t.Errorf("%d mails were made due", got[true])
	}
	if n := number(t, machines[0], `SELECT count(*) FROM deliveries WHERE step = 'reissue' AND state = 'due' AND operator AND forced`); n != 1 {
		t.Errorf("%d are due", n)
	}
}

func TestVisitsThatSeveralMachinesCountAddUp(t *testing.T) {
	machines := twoMachines(t)
	var links []int64
	for _, u := range numbered("user", 4) {
		enrolUsers(t, machines[0], u)
		links = append(links, mailTicket(t, machines[0]).ID)
		machines[0].exec(t, `UPDATE deliveries SET due_at = due_at + 86400000 WHERE state = 'due'`)
	}
	together(t, machines, func(ctx context.Context, s *Store, i int) (struct{}, error) {
		var visits []pipeline.Visit
		for j := range links { // in an order of its own
			visits = append(visits, pipeline.Visit{LinkID: links[(i+j)%4], Kind: pipeline.VisitKinds()[i%2], N: 2, At: noon.Add(time.Duration(i) * time.Second)})
		}
		return struct{}{}, s.CountVisits(ctx, append(visits, visits[0]))
	})
	if n := number(t, machines[0], `SELECT sum(n) FROM visits`); n != atOnce*10 {
		t.Errorf("%d visits, want %d", n, atOnce*10)
	}
	if n := number(t, machines[0], `SELECT count(*) FROM users WHERE opened_at IS NOT NULL`); n != 4 {
		t.Errorf("%d users have opened their link", n)
	}
}
