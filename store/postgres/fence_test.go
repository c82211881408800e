package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

func TestAnOldClaimCanDoNothing(t *testing.T) {
	for name, takeOver := range map[string]func(t *testing.T, s *Store, q *Queue, d pipeline.Delivery){
		"taken by another machine": func(t *testing.T, s *Store, q *Queue, d pipeline.Delivery) {
			if _, err := q.On(2, numberJobs).Take(t.Context(), d.ID, d.ID, noon); err != nil {
				t.Fatal(err)
			}
		},
		"recovered": func(t *testing.T, s *Store, _ *Queue, _ pipeline.Delivery) { recoverAll(t, s, 1) },
		"recovered, and pulled again": func(t *testing.T, s *Store, q *Queue, d pipeline.Delivery) {
			recoverAll(t, s, 1)
			if again := takeOne(t, q.On(2, numberJobs)); again.ID != d.ID {
				t.Fatalf("pulled %d, want %d", again.ID, d.ID)
			}
		},
		"without a claim": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			enrolUsers(t, s, person("ana"))
			q := startRun(t, s).On(1, numberJobs)
			d := takeOne(t, q)
			fill(&d, noon)
			begun := d
			if takeOver != nil {
				if err := q.Keep(t.Context(), &begun); err != nil {
					t.Fatal(err)
				}
				takeOver(t, s, q, d)
			} else {
				d.Claim, begun.Claim = 0, 0
			}
			before := contents(t, s)
			lost := func(what string, err error) {
				t.Helper()
				fault, ok := errors.AsType[*pipeline.Fault](err)
				if !errors.Is(err, ErrClaimLost) || !ok || fault.Kind != pipeline.Retry || !fault.Free || fault.Code != "claim_lost" {
					t.Errorf("%s returned %v, want the claim lost", what, err)
				}
			}
			lost("Keep", q.Keep(t.Context(), &d))
			lost("Begin", q.Begin(t.Context(), &begun, noon))
			for _, v := range []pipeline.Verdict{sent(), pipeline.PutBack(&d, noon), {State: pipeline.Due, Pause: &pipeline.Pause{Code: "x"}}} {
				if err := q.Record(t.Context(), &begun, v, noon); !errors.Is(err, ErrClaimLost) {
					t.Errorf("Record returned %v, want the claim lost", err)
				}
			}
			if diff := cmp.Diff(before, contents(t, s)); diff != "" {
				t.Errorf("the ledger changed (-before +after):\n%s", diff)
			}
		})
	}
}

// contents is what a mail's writes can change.
func contents(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for _, table := range []string{"deliveries", "users", "links", "attempts", "pauses", "run_counts"} {
		rows, err := column[string](t.Context(), s.pool, fmt.Sprintf(`SELECT x::text FROM %s x ORDER BY 1`, table))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

func TestARecordWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	c := pgtest.Shared(t)
	url := pgtest.NewDatabase(t, c)
	direct := openAt(t, url)
	if err := direct.UseKey(t.Context(), testKey(t)); err != nil {
		t.Fatal(err)
	}
	enrolUsers(t, direct, person("ana"))
	proxy := pgtest.NewProxy(t, c.Addr())
	s := openAt(t, "postgres://postgres@"+proxy.Addr()+url[len("postgres://postgres@"+c.Addr()):])
	if err := s.UseKey(t.Context(), testKey(t)); err != nil {
		t.Fatal(err)
	}
	q := startRun(t, s).On(1, numberJobs)
	d := beginOne(t, q)

	// The request takes a moment to arrive and the answer as long again; in between the
	// connection ends.
	proxy.Slow(300 * time.Millisecond)
	answer := make(chan error, 1)
	go func() { answer <- q.Record(t.Context(), &d, sent(), noon) }()
	for number(t, direct, `SELECT count(*) FROM deliveries WHERE state = 'sent'`) == 0 {
		time.Sleep(time.Millisecond)
	}
	proxy.Cut()
	if fault, ok := errors.AsType[*pipeline.Fault](<-answer); !ok || fault.Code != pipeline.LedgerCode {
		t.Errorf("the answer that was lost is %v, want an outage of the ledger", fault)
	}
	if s.Trouble() == nil {
		t.Error("the ledger shows no trouble")
	}
	proxy.Slow(0)
	if err := proxy.Mend(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := q.Record(t.Context(), &d, sent(), noon); err != nil {
			t.Errorf("the record that was made already: %v", err)
		}
	}
	if s.Trouble() != nil {
		t.Errorf("the ledger is in trouble: %v", s.Trouble())
	}
	for what, query := range map[string]string{
		"attempts": `SELECT count(*) FROM attempts`, "mails": `SELECT mails FROM users`,
		"next ones": `SELECT count(*) FROM deliveries WHERE step = 'reminder'`, "counted": `SELECT sum(sent) FROM run_counts`,
	} {
		if n := number(t, s, query); n != 1 {
			t.Errorf("%s: %d, want 1", what, n)
		}
	}
}

func TestTakeTellsHowItFindsADelivery(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"))
	q := startRun(t, s)
	on := func(machine int64) *Queue { return s.Queue(0, store.Everything).On(machine, nil) }
	batch, err := q.On(1, numberJobs).Pull(t.Context(), noon, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := batch.Deliveries[0]
	take := func(machine, job int64, want What) Taken {
		t.Helper()
		taken, err := on(machine).Take(t.Context(), d.ID, job, noon)
		if err != nil || taken.What != want {
			t.Fatalf("found it as %d (%v), want %d", taken.What, err, want)
		}
		return taken
	}
	pause := func(country, kind string) {
		s.exec(t, `DELETE FROM pauses`)
		s.exec(t, `INSERT INTO pauses VALUES ($1, $2, 'code', '', false, 0, 0)`, country, kind)
	}
	untouched := func() { s.exec(t, `UPDATE deliveries SET machine_id = NULL`) }

	take(1, d.ID+1, Gone)
	pause("", "")
	take(1, d.ID, Paused)
	untouched()
	pause("MX", "BUSINESS")
	take(1, d.ID, Fresh)
	untouched()
	s.exec(t, `UPDATE deliveries SET probe = true`)
	pause("MX", "INDIVIDUAL")
	if probe := take(1, d.ID, Fresh).Delivery.Probe; probe == nil || probe.Country != pipeline.MX {
		t.Errorf("it probes %v", probe)
	}
	untouched()
	s.exec(t, `INSERT INTO pauses VALUES ('', '', 'code', '', false, 0, 0)`)
	take(1, d.ID, Paused)
	untouched()
	s.exec(t, `DELETE FROM pauses`)
	fresh := take(1, d.ID, Fresh)
	if fresh.Delivery.Probe != nil {
		t.Error("it probes a pause that is over")
	}
	if fresh.Run != q.run || fresh.Delivery.Claim <= d.Claim {
		t.Errorf("run %d, claim %d after %d", fresh.Run, fresh.Delivery.Claim, d.Claim)
	}
	again := take(2, d.ID, Interrupted).Delivery
	fill(&again, noon)
	if err := on(2).Keep(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	if err := on(2).Begin(t.Context(), &again, noon); err != nil {
		t.Fatal(err)
	}
	doubt := take(3, d.ID, InDoubt).Delivery
	if doubt.Link.ID != again.Link.ID || doubt.Message.ID != again.Message.ID {
		t.Error("what was begun is not what is found")
	}
	if err := on(3).Record(t.Context(), &doubt, sent(), noon); err != nil {
		t.Fatal(err)
	}
	take(3, d.ID, Gone)
	if n := number(t, s, `SELECT sent FROM run_counts WHERE run_id = $1 AND machine_id = 3`, q.run); n != 1 {
		t.Errorf("%d were counted as sent, want 1", n)
	}
	if n := number(t, s, `SELECT count(*) FROM deliveries WHERE claim > 0 AND (run_id, machine_id, job_id) IS NULL AND NOT probe`); n != 1 {
		t.Error("what is settled still has an owner")
	}
}
