package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// A count that differs from the rows, whichever it is and whichever way, is found
// by the check.
func TestACountThatDiffersFromTheRowsIsFound(t *testing.T) {
	empty := newTemplate(t)
	for _, test := range []struct{ sentence, tamper string }{
		{"A user is not counted.", `INSERT INTO funnel_counts VALUES ('pending', 'MX', false, false, false, -1)`},
		{"A user is counted who is not there.", `INSERT INTO funnel_counts VALUES ('erased', 'DO', true, true, true, 1)`},
		{"What is due was forgotten.", `DELETE FROM queue_counts`},
		{"Something is due that is not there.", `INSERT INTO queue_counts VALUES (31, 'due', 'DO', 'BUSINESS', true, 1, 0)`},
		{"Something counts as a retry.", `UPDATE queue_counts SET retries = 1`},
		{"A link is not counted.", `DELETE FROM link_expiry`},
		{"A link is counted that is not there.", `INSERT INTO link_expiry VALUES (1, 1)`},
		{"A mail is not counted.", `DELETE FROM mail_counts`},
		{"A failure is counted that was none.", `INSERT INTO trouble_counts VALUES (1, 'failed', 1)`},
		{"What is due is not in the forecast.", `DELETE FROM forecast_counts`},
		{"A user counts as verified who is not.", `INSERT INTO reached_counts VALUES (1, 'MX', 1)`},
		{"A user waits for a person and nobody knows.", `INSERT INTO attention VALUES (1, 1, 'held', 'x', 'MX', 0)`},
		{"The users who wait for a person are counted wrongly.", `INSERT INTO attention_counts VALUES ('held', 'x', 'MX', 1)`},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			s := openAt(t, empty.copy(t))
			if err := s.UseKey(t.Context(), testKey(t)); err != nil {
				t.Fatal(err)
			}
			enrolUsers(t, s, person("a"), person("b"))
			mailSome(t, s, startRun(t, s), 1)
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("before anything was changed: %v", err)
			}
			s.exec(t, test.tamper)
			if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "what is counted differs") {
				t.Errorf("the check returned %v", err)
			}
		})
	}
}

// Folded counts say the same, in one row for each, and what came to nothing is
// gone.
func TestFoldedCountsSayTheSame(t *testing.T) {
	s := newStore(t)
	for _, u := range numbered("user", 20) {
		enrolUsers(t, s, u)
	}
	q := startRun(t, s)
	mailSome(t, s, q, 5)
	batch, err := q.Pull(t.Context(), noon, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		if err := q.Record(t.Context(), d, pipeline.Plan{Tries: 3}.Judge(d, &pipeline.Fault{Kind: pipeline.Hold, Code: "x"}, noon), noon); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(t, `UPDATE users SET opened_at = 1 WHERE mails > 0`)
	before, err := s.Status(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.FoldCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := s.Status(t.Context(), noon)
	if diff := cmp.Diff(before, after); diff != "" || err != nil {
		t.Errorf("the status changed (-before +after):\n%s%v", diff, err)
	}
	for _, c := range counted() {
		if n := number(t, s, `SELECT count(*) FROM (SELECT FROM `+c.table+` GROUP BY `+c.by+` HAVING count(*) > 1 OR (`+c.empty+`)) x`); n != 0 {
			t.Errorf("%d counts of %s have several rows, or one of nothing", n, c.table)
		}
		if n := number(t, s, `SELECT count(*) FROM `+c.table); n == 0 {
			t.Errorf("%s is empty", c.table)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// While one machine folds, another one does nothing, and does not wait.
func TestOneMachineFolds(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("a"))
	enrolUsers(t, s, person("b"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, folding); err != nil {
			return err
		}
		return s.FoldCounts(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := number(t, s, `SELECT count(*) FROM funnel_counts`); n != 2 {
		t.Errorf("%d rows, want both of before", n)
	}
	if err := s.FoldCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := number(t, s, `SELECT count(*) FROM funnel_counts`); n != 1 {
		t.Errorf("%d rows, want one", n)
	}
}

// Two machines do at once whatever changes a count, to the same few users. The
// counts are right after all of it, and not one delivery too many is open.
func TestCountsStayExactWhileAllChange(t *testing.T) {
	const users, rounds = 12, 40
	empty := newTemplate(t)
	url := empty.copy(t)
	machines := []*Store{openAt(t, url), openAt(t, url)}
	for _, s := range machines {
		if err := s.UseKey(t.Context(), testKey(t)); err != nil {
			t.Fatal(err)
		}
	}
	enrolUsers(t, machines[0], numbered("user", users)...)
	var all sync.WaitGroup
	work := func(do func(s *Store, r *rand.Rand) error) {
		for i, s := range machines {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			all.Go(func() {
				for range rounds {
					if err := do(s, r); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	id := func(r *rand.Rand) string { return fmt.Sprintf("user-%d", r.IntN(users)) }
	work(func(s *Store, r *rand.Rand) error { return enrolAnything(t.Context(), s, r, id) })
	work(func(s *Store, r *rand.Rand) error {
		status := []pipeline.Status{pipeline.Pending, pipeline.Pending, pipeline.InReview, pipeline.Verified}[r.IntN(4)]
		err := s.Mark(t.Context(), id(r), status, inviteAt(noon), operator, noon)
		if err != nil && strings.Contains(err.Error(), "erased") {
			return nil
		}
		return err
	})
	work(func(s *Store, r *rand.Rand) error {
		_, err := s.Resend(t.Context(), id(r), pipeline.Reissue, true, operator, noon)
		return err
	})
	work(func(s *Store, r *rand.Rand) error {
		if r.IntN(10) > 0 {
			return nil
		}
		err := s.Erase(t.Context(), id(r), operator, noon)
		if err != nil && strings.Contains(err.Error(), store.OnItsWay) {
			return nil
		}
		return err
	})
	work(func(s *Store, _ *rand.Rand) error { return s.FoldCounts(t.Context()) })
	work(func(s *Store, _ *rand.Rand) error { return s.Shred(t.Context(), noon.Add(25*time.Hour)) })
	work(func(s *Store, _ *rand.Rand) error { return s.Check(t.Context()) }) // of any moment
	work(func(s *Store, r *rand.Rand) error { return mailAnything(t, s, r) })
	all.Wait()
	if err := machines[0].Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n := number(t, machines[0], `SELECT count(*) FROM deliveries WHERE state = 'sent'`); n == 0 {
		t.Error("nothing was sent, so that this proves little")
	}
	if n := number(t, machines[0], `SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.state IN ('due', 'held', 'doubt') AND NOT u.wanted`); n != 0 {
		t.Errorf("%d deliveries wait for users whom no mail may go out to", n)
	}
}

// enrolAnything enrols some users with news of any kind, some of them twice.
func enrolAnything(ctx context.Context, s *Store, r *rand.Rand, id func(*rand.Rand) string) error {
	var batch []pipeline.User
	for range 4 {
		u := person(id(r))
		u.Country = []pipeline.Country{pipeline.MX, pipeline.DO}[r.IntN(2)]
		u.Type = []pipeline.UserType{pipeline.Individual, pipeline.Business}[r.IntN(2)]
		batch = append(batch, u)
	}
	batch = append(batch, person(fmt.Sprintf("new-%d", r.IntN(30)))) // maybe another machine's newcomer, too
	_, err := s.Enrol(ctx, batch, store.Imported, inviteAt(noon), noon)
	return err
}

// mailAnything pulls a few and brings each to some end.
func mailAnything(t *testing.T, s *Store, r *rand.Rand) error {
	run, _, err := s.StartRun(t.Context(), store.ByCommand, time.Time{}, 0, noon)
	if err != nil {
		return err
	}
	q := s.Queue(run, store.Everything)
	batch, err := q.Pull(t.Context(), noon, 3)
	if err != nil {
		return err
	}
	plan := pipeline.Plan{Tries: 3, MaxMails: 6, ResendDoubt: r.IntN(2) == 0}
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		err := keepAndBegin(t.Context(), q, d)
		if err == nil {
			err = []error{
				nil, nil,
				&pipeline.Fault{Kind: pipeline.Retry, Code: "later"},
				&pipeline.Fault{Kind: pipeline.Fail, Code: "never", BadAddress: true},
				&pipeline.Fault{Kind: pipeline.Doubt, Code: "cut"},
			}[r.IntN(5)]
		} else if _, ok := errors.AsType[*pipeline.Fault](err); !ok && !errors.Is(err, errNotOurs) {
			return err // a user who changed, and changed back before anybody could say how, is no fault
		}
		if err := q.Record(t.Context(), d, plan.Judge(d, err, noon), noon); err != nil {
			return err
		}
	}
	return s.FinishRun(t.Context(), run, pipeline.Report{}, nil, noon)
}

func keepAndBegin(ctx context.Context, q *Queue, d *pipeline.Delivery) error {
	fill(d, noon)
	if d.Link.ID == 0 {
		if err := q.Keep(ctx, d); err != nil {
			return err
		}
	}
	return q.Begin(ctx, d, noon)
}

// mailSome pulls up to n and leaves each sent.
func mailSome(t *testing.T, s *Store, q *Queue, n int) {
	t.Helper()
	batch, err := q.Pull(t.Context(), noon, n)
	if err != nil || len(batch.Deliveries) != n {
		t.Fatalf("pulled %d of %d: %v", len(batch.Deliveries), n, err)
	}
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		if err := keepAndBegin(t.Context(), q, d); err != nil {
			t.Fatal(err)
		}
		d.Receipt.Reply = "250 2.0.0 Ok"
		if err := q.Record(t.Context(), d, pipeline.Plan{Tries: 3, MaxMails: 1}.Judge(d, nil, noon), noon); err != nil {
			t.Fatal(err)
		}
	}
}
