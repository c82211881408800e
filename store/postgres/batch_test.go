package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"alta/pipeline"
	"alta/store"
)

// fate is what happens to a mail of a batch before it begins, and what its owner
// must be told.
type fate struct {
	name        string
	spoil       func(t *testing.T, s *Store, d *pipeline.Delivery)
	keep, begin string // the code of the fault, "" for none
}

func fates() []fate {
	none := func(*testing.T, *Store, *pipeline.Delivery) {}
	user := func(change string) func(*testing.T, *Store, *pipeline.Delivery) {
		return func(t *testing.T, s *Store, d *pipeline.Delivery) {
			s.exec(t, `UPDATE users SET `+change+` WHERE id = $1`, d.User.ID)
		}
	}
	return []fate{
		{"ordinary", none, "", ""}, {"ordinary too", none, "", ""}, {"and this", none, "", ""},
		{"verified", user(`status = 'verified'`), "", "user_verified"},
		{"withdrawn", user(`withdrawn = true`), "", "user_withdrawn"},
		{"moved", user(`country = 'DO'`), "user_changed", ""},
		{"renamed", user(`name = 'Another'`), "", "user_changed"},
		{"taken over", func(t *testing.T, s *Store, d *pipeline.Delivery) {
			s.exec(t, `UPDATE deliveries SET claim = nextval('claims') WHERE id = $1`, d.ID)
		}, "claim_lost", ""},
		{"mailed a moment ago", func(t *testing.T, s *Store, d *pipeline.Delivery) {
			s.exec(t, `INSERT INTO deliveries (user_key, country, type, step, round, state, ended_at, due_at, began_at, created_at, updated_at)
				SELECT user_key, country, type, 'reissue', 7, 'sent', $2, $2, $2, $2, $2 FROM deliveries WHERE id = $1`, d.ID, noon.UnixMilli())
		}, "", "min_gap"},
		{"with another's link", func(t *testing.T, s *Store, d *pipeline.Delivery) {
			d.Link.URL = pipeline.NewSecret("https://kyc.example.com/?_al=shared")
		}, store.CodeSharedLink, ""},
	}
}

// TestEveryWriteOfABatchHasItsOwnAnswer has very many mails written at once, of
// which some can't be.
func TestEveryWriteOfABatchHasItsOwnAnswer(t *testing.T) {
	const each = 12
	s := newStore(t)
	all := fates()
	enrolUsers(t, s, numbered("u", each*len(all)+1)...)
	run, _, err := s.StartRun(t.Context(), store.ByCommand, time.Time{}, time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, store.Everything).On(1, numberJobs)
	first := takeOne(t, q)
	fill(&first, noon)
	first.Link.URL = pipeline.NewSecret("https://kyc.example.com/?_al=shared")
	if err := q.Keep(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	batch, err := q.Pull(t.Context(), noon, 1000)
	if err != nil || len(batch.Deliveries) != each*len(all) {
		t.Fatalf("pulled %d (%v)", len(batch.Deliveries), err)
	}
	rand.Shuffle(len(batch.Deliveries), func(i, j int) {
		batch.Deliveries[i], batch.Deliveries[j] = batch.Deliveries[j], batch.Deliveries[i]
	})
	var want, got pipeline.Report
	var mu sync.Mutex
	var mails sync.WaitGroup
	for i, d := range batch.Deliveries {
		f := all[i%len(all)]
		mails.Go(func() {
			taken, err := q.Take(t.Context(), d.ID, d.ID, noon)
			if err != nil || taken.What != Fresh {
				t.Errorf("%s: found as %d (%v)", f.name, taken.What, err)
				return
			}
			d := taken.Delivery
			fill(&d, noon)
			f.spoil(t, s, &d)
			err = wrong(f.keep, q.Keep(t.Context(), &d))
			if err == nil && f.keep == "" {
				err = wrong(f.begin, q.Begin(t.Context(), &d, noon))
			}
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			if f.keep == "claim_lost" {
				return
			}
			v := sent()
			if f.keep+f.begin != "" {
				v = someVerdict(&d)
			}
			mu.Lock()
			want.Count(v)
			mu.Unlock()
			if err := q.Record(t.Context(), &d, v, noon); err != nil {
				t.Errorf("%s: record: %v", f.name, err)
			}
		})
	}
	mails.Wait()
	progress, err := s.Progress(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	got = progress.Report
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if n := number(t, s, `SELECT count(*) FROM deliveries WHERE step = 'reminder' AND state = 'due'`); n != 3*each {
		t.Errorf("%d mails are owed next, want %d", n, 3*each)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTroubleIsOnlyForThoseThatItMet has the server go away between the write that
// most shared and those that must be made alone.
func TestTroubleIsOnlyForThoseThatItMet(t *testing.T) {
	items := make([]*taking, 4)
	for i := range items {
		items[i] = &taking{write: write{id: int64(i)}}
	}
	tried := 0
	g := &group[*taking]{
		together: func(context.Context, []*taking) error { items[0].done, items[3].done = true, true; return nil },
		alone:    func(context.Context, *taking) error { tried++; return &pgconn.PgError{Code: "57P01"} },
	}
	errs, trouble := g.make(items)
	if trouble == nil || tried != 1 {
		t.Errorf("the trouble is %v after %d tries", trouble, tried)
	}
	for i, err := range errs {
		if lost := i == 1 || i == 2; lost != (err != nil) {
			t.Errorf("the answer to write %d is %v", i, err)
		}
	}
}

// wrong returns an error unless err is a fault with the code, or no error for "".
func wrong(code string, err error) error {
	fault, _ := errors.AsType[*pipeline.Fault](err)
	if code == "" && err == nil || fault != nil && fault.Code == code {
		return nil
	}
	return fmt.Errorf("the answer is %w, want %q", err, code)
}

// someVerdict is one that is not sent.
func someVerdict(d *pipeline.Delivery) pipeline.Verdict {
	plan := pipeline.Plan{Tries: 3, MaxMails: 5, ResendDoubt: true}
	kinds := []pipeline.Kind{pipeline.Retry, pipeline.Fail, pipeline.Hold, pipeline.Doubt, pipeline.Cancel}
	kind := kinds[rand.IntN(len(kinds))]
	return plan.Judge(d, &pipeline.Fault{
		Kind: kind, Code: "test", Reason: "a test\x00 that \xff fails", BadAddress: kind == pipeline.Fail,
	}, noon)
}

// TestNoMailBeginsAfterAMark holds promise 4 on a ledger in which others write at
// the same moment: a change that was committed before is seen, and one that comes
// while a mail begins waits for it.
func TestNoMailBeginsAfterAMark(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"))
	q := startRun(t, s).On(1, numberJobs)
	d := takeOne(t, q)
	fill(&d, noon)
	if err := q.Keep(t.Context(), &d); err != nil {
		t.Fatal(err)
	}

	// The mark has changed the user and is not committed: the mail waits, and is not
	// owed any more.
	begun := make(chan error, 1)
	if err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE users SET status = 'verified' WHERE id = 'ana'`); err != nil {
			return err
		}
		go func() { begun <- q.Begin(t.Context(), &d, noon) }()
		waitForLock(t, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := wrong("user_verified", <-begun); err != nil {
		t.Fatal(err)
	}

	// The mail is beginning and is not committed: the mark waits for it, and whoever
	// marked knows the mail as begun.
	s.exec(t, `UPDATE users SET status = 'pending' WHERE id = 'ana'`)
	marked := make(chan error, 1)
	if err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), lockForReading, []int64{d.ID}); err != nil {
			return err
		}
		go func() {
			marked <- s.Mark(t.Context(), "ana", pipeline.Verified, inviteAt(noon), operator, noon)
		}()
		waitForLock(t, s)
		select {
		case err := <-marked:
			return fmt.Errorf("the mark did not wait: %w", err)
		default:
		}
		_, err := tx.Exec(t.Context(), `UPDATE deliveries SET state = 'sending' WHERE id = $1`, d.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-marked; err != nil {
		t.Fatal(err)
	}
	if err := wrong("user_verified", q.Begin(t.Context(), &d, noon)); err != nil {
		t.Errorf("on another connection: %v", err)
	}
}

// TestAMarkBesideARecordLeavesNothingDue has a retry recorded while its user is
// verified, in either order.
func TestAMarkBesideARecordLeavesNothingDue(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, numbered("u", 40)...)
	q := startRun(t, s).On(1, numberJobs)
	batch, err := q.Pull(t.Context(), noon, 40)
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for _, d := range batch.Deliveries {
		both.Go(func() {
			if err := s.Mark(t.Context(), d.User.ID, pipeline.Verified, inviteAt(noon), operator, noon); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			if err := q.Record(t.Context(), &d, pipeline.PutBack(&d, noon), noon); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if n := number(t, s, `SELECT count(*) FROM deliveries WHERE state <> 'cancelled' OR code <> 'user_verified'`); n != 0 {
		t.Errorf("%d deliveries of users who are verified are not cancelled", n)
	}
}

// waitForLock returns once a transaction waits for another one.
func waitForLock(t *testing.T, s *Store) {
	t.Helper()
	for number(t, s, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestAClosedLedgerTakesNoWrites(t *testing.T) {
	s := newStore(t)
	s.batches.close()
	if _, err := s.Queue(0, store.Everything).On(1, nil).Take(t.Context(), 1, 1, noon); !errors.Is(err, errClosed) {
		t.Errorf("the error is %v", err)
	}
}

func TestAWriteThatIsGivenUpBeforeItBeginsIsNotMade(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Queue(0, store.Everything).On(1, nil).Take(ctx, 1, 1, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
