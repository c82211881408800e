package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// twoStores are two machines at one ledger, with n users whose invites are due.
func twoStores(t *testing.T, n int) (a, b *Store) {
	t.Helper()
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	a, b = openAt(t, url), openAt(t, url)
	for _, s := range []*Store{a, b} {
		if err := s.UseKey(t.Context(), testKey(t)); err != nil {
			t.Fatal(err)
		}
	}
	enrolUsers(t, a, numbered("u", n)...)
	return a, b
}

// pullAll pulls from both at once, until neither yields anything, and returns the
// ids of what each pull claimed.
func pullAll(t *testing.T, n int, queues ...*Queue) (ids []int64) {
	t.Helper()
	var mu sync.Mutex
	var pullers sync.WaitGroup
	for _, q := range queues {
		pullers.Go(func() {
			for {
				batch, err := q.Pull(t.Context(), noon, n)
				if err != nil {
					t.Error(err)
				}
				if err != nil || len(batch.Deliveries) == 0 {
					return
				}
				mu.Lock()
				for _, d := range batch.Deliveries {
					ids = append(ids, d.ID)
				}
				mu.Unlock()
			}
		})
	}
	pullers.Wait()
	return ids
}

func TestMachinesPullBesideEachOther(t *testing.T) {
	a, b := twoStores(t, 300)
	q := startRun(t, a)
	ids := pullAll(t, 7, q.On(1, numberJobs), b.Queue(q.run, store.Everything).On(2, numberJobs), startRun(t, b).On(2, numberJobs))
	slices.Sort(ids)
	if len(ids) != 300 || len(slices.Compact(ids)) != 300 {
		t.Errorf("claimed %d deliveries, want each of 300 once", len(ids))
	}
	if n := number(t, a, `SELECT count(DISTINCT claim) FROM deliveries WHERE job_id = id AND machine_id IS NULL`); n != 300 {
		t.Errorf("%d have a claim and a job of their own, want 300", n)
	}
}

func TestARunPullsWhatItMayAndNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		atMost, allowed any
		operators, want int
	}{
		"no limit":                       {nil, nil, 0, 100},
		"at most":                        {37, nil, 0, 37},
		"allowed":                        {nil, 23, 0, 23},
		"allowed and asked for":          {nil, 23, 11, 34},
		"both":                           {20, 15, 11, 20},
		"nothing but what was asked for": {nil, 0, 11, 11},
		"none at all":                    {0, nil, 11, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoStores(t, 100)
			q := startRun(t, a)
			a.exec(t, `UPDATE runs SET at_most = $1, allowed = $2`, c.atMost, c.allowed)
			a.exec(t, `UPDATE deliveries SET operator = true WHERE id IN (SELECT id FROM deliveries ORDER BY id DESC LIMIT $1)`, c.operators)
			if ids := pullAll(t, 3, q, b.Queue(q.run, store.Everything)); len(ids) != c.want {
				t.Errorf("claimed %d, want %d", len(ids), c.want)
			}
			if c.atMost != nil {
				if left := number(t, a, `SELECT at_most FROM runs`); left != c.atMost.(int)-c.want {
					t.Errorf("at_most is %d", left)
				}
			}
		})
	}
}

func TestAPullWhoseJobsFailClaimsNothing(t *testing.T) {
	a, _ := twoStores(t, 5)
	broken := errors.New("River is broken")
	q := startRun(t, a).On(1, func(context.Context, pgx.Tx, []ClaimedDelivery) ([]int64, error) { return nil, broken })
	if _, err := q.Pull(t.Context(), noon, 5); !errors.Is(err, broken) {
		t.Fatalf("the error is %v", err)
	}
	if n := number(t, a, `SELECT count(*) FROM deliveries WHERE state = 'due'`); n != 5 {
		t.Errorf("%d are due, want 5", n)
	}
}

func TestAPauseIsProbedByOneMachine(t *testing.T) {
	for name, pause := range map[string]pipeline.Pause{
		"an outage": {Code: "capa.key"},
		"a country": {Country: pipeline.MX, Type: pipeline.Individual, Code: "capa.template"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoStores(t, 20)
			a.exec(t, `INSERT INTO pauses VALUES ($1, $2, $3, '', true, 0, $4)`, pause.Country, pause.Type, pause.Code, noon.UnixMilli())
			q := startRun(t, a)
			ids := pullAll(t, 5, q, b.Queue(q.run, store.Everything), startRun(t, b), startRun(t, a))
			if len(ids) != 1 {
				t.Fatalf("%d deliveries probe it, want 1", len(ids))
			}
			// Once it has shown that the pause lasts, another one is made.
			a.exec(t, `UPDATE deliveries SET state = 'due', run_id = NULL, probe = false, updated_at = $1 WHERE id = $2`, noon.UnixMilli()+1, ids[0])
			batch, err := q.Pull(t.Context(), noon, 5)
			if err != nil || len(batch.Deliveries) != 1 || batch.Deliveries[0].Probe == nil || batch.Deliveries[0].ID == ids[0] {
				t.Errorf("the second probe is %v (%v), want one that is not %d", batch.Deliveries, err, ids[0])
			}
		})
	}
}

func TestARunThatNobodyBeganPullsNothing(t *testing.T) {
	s := newStore(t)
	if _, err := s.Queue(99, store.Everything).Pull(t.Context(), noon, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the error is %v", err)
	}
}

func TestShares(t *testing.T) {
	for _, c := range []struct {
		waiting []int
		n       int
		want    []int
	}{
		{[]int{10, 10}, 4, []int{2, 2}},
		{[]int{1, 10, 0}, 5, []int{1, 4, 0}},
		{[]int{2, 2}, 9, []int{2, 2}},
		{[]int{5, 5, 5}, 4, []int{2, 1, 1}},
		{nil, 4, []int{}},
	} {
		if got := shares(c.waiting, c.n); !slices.Equal(got, c.want) {
			t.Errorf("shares(%v, %d) = %v, want %v", c.waiting, c.n, got, c.want)
		}
	}
}

// claimOne pulls one delivery for a machine and takes it.
func takeOne(t *testing.T, q *Queue) pipeline.Delivery {
	t.Helper()
	batch, err := q.Pull(t.Context(), noon, 1)
	if err != nil || len(batch.Deliveries) != 1 {
		t.Fatalf("pulled %d (%v), want 1", len(batch.Deliveries), err)
	}
	id := batch.Deliveries[0].ID
	taken, err := q.Take(t.Context(), id, id, noon)
	if err != nil || taken.What != Fresh {
		t.Fatalf("found it as %d (%v), want it fresh", taken.What, err)
	}
	return taken.Delivery
}

// beginOne takes a mail and begins it.
func beginOne(t *testing.T, q *Queue) pipeline.Delivery {
	t.Helper()
	d := takeOne(t, q)
	fill(&d, noon)
	if err := q.Keep(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if err := q.Begin(t.Context(), &d, noon); err != nil {
		t.Fatal(err)
	}
	return d
}

// sent is the verdict on a mail that the server accepted, with another one to come.
func sent() pipeline.Verdict {
	return pipeline.Verdict{
		State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true, Minted: true,
		Next: &pipeline.Next{Step: pipeline.Reminder, DueAt: noon.Add(time.Hour)},
	}
}
