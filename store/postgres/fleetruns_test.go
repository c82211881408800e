package postgres

import (
	"errors"
	"testing"
	"time"

	"alta/pipeline"
)

// insertJob inserts a job that makes runs, as River would have it in that state in
// the hand of a machine.
func insertJob(t *testing.T, s *Store, state, machine string, attempted time.Duration) (id int64) {
	t.Helper()
	err := s.pool.QueryRow(t.Context(), `INSERT INTO river_job (kind, args, max_attempts, state, attempted_by, attempted_at)
		VALUES ($1, '{}', 3, $2::river_job_state, ARRAY[$3], now() - $4 * interval '1 second') RETURNING id`,
		makesRuns, state, machine, attempted.Seconds()).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestOfferAgain(t *testing.T) {
	for _, c := range []struct {
		name      string
		machine   string
		attempted time.Duration // ago
		begun     bool
		carries   bool // it goes on with a run
		offered   int
	}{
		{"a machine that lives has just got it", "lives", 0, false, false, 0},
		{"a machine that lives never heard of it", "lives", time.Hour, false, false, 1},
		{"its machine is gone", "gone", 0, false, false, 1},
		{"nobody knows its machine", "unknown", 0, false, false, 1},
		{"its machine is gone, but it has begun a run, which is passed on", "gone", 0, true, false, 0},
		{"its machine is gone, but the run that it went on with is passed on to another job", "gone", 0, false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			for name, seen := range map[string]time.Time{"lives": noon, "gone": noon.Add(-time.Hour)} {
				if _, err := s.Join(t.Context(), Machine{Name: name, Lease: time.Minute}, seen); err != nil {
					t.Fatal(err)
				}
			}
			job := insertJob(t, s, "running", c.machine, c.attempted)
			if c.carries {
				s.exec(t, `UPDATE river_job SET args = '{"run": 5}'`)
			}
			if c.begun {
				startRun(t, s)
				s.exec(t, `UPDATE runs SET asked_by = $1`, job)
			}
			n, err := s.OfferAgain(t.Context(), makesRuns, noon)
			if err != nil || n != c.offered {
				t.Fatalf("offered %d (%v), want %d", n, err, c.offered)
			}
			if got := number(t, s, `SELECT count(*) FROM river_job WHERE state = 'available'`); got != c.offered {
				t.Errorf("%d jobs wait, want %d", got, c.offered)
			}
		})
	}
}

func TestIdles(t *testing.T) {
	end := func(t *testing.T, s *Store, r pipeline.Report, at time.Time) {
		t.Helper()
		if err := s.FinishRun(t.Context(), startRun(t, s).run, r, nil, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		was   func(*testing.T, *Store)
		idles bool
	}{
		{"nothing was ever asked for", func(*testing.T, *Store) {}, true},
		{"a run is under way", func(t *testing.T, s *Store) { startRun(t, s) }, false},
		{"a run waits for a machine", func(t *testing.T, s *Store) { insertJob(t, s, "available", "", 0) }, false},
		{"the last run went well", func(t *testing.T, s *Store) { end(t, s, pipeline.Report{}, noon) }, true},
		{"a run has just met an outage, which another one would meet, too", func(t *testing.T, s *Store) {
			end(t, s, pipeline.Report{Outage: "no source"}, noon)
			end(t, s, pipeline.Report{}, noon)
		}, false},
		{"that was a while ago", func(t *testing.T, s *Store) { end(t, s, pipeline.Report{Outage: "no source"}, noon.Add(-time.Hour)) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			c.was(t, s)
			idles, err := s.Idles(t.Context(), makesRuns, noon.Add(-time.Minute))
			if err != nil || idles != c.idles {
				t.Errorf("it idles: %v (%v), want %v", idles, err, c.idles)
			}
		})
	}
}

// A machine that stood still while another one took its run over prepares nothing.
func TestPrepareRunIsForWhoPulls(t *testing.T) {
	s := newStore(t)
	run := startRun(t, s).run
	s.exec(t, `UPDATE runs SET machine_id = 7`)
	if err := s.PrepareRun(t.Context(), run, 6, pipeline.Allowance{Most: 5}, noon); !errors.Is(err, ErrRunLost) {
		t.Errorf("the machine before prepared it: %v", err)
	}
	if err := s.PrepareRun(t.Context(), run, 7, pipeline.Allowance{Most: 5}, noon); err != nil {
		t.Error(err)
	}
	if err := s.PrepareRun(t.Context(), run, 7, pipeline.Allowance{Most: 9}, noon); !errors.Is(err, ErrRunLost) {
		t.Errorf("it was prepared twice: %v", err)
	}
	if n := number(t, s, `SELECT count(*) FROM runs WHERE prepared AND allowed = 5`); n != 1 {
		t.Error("the run is not prepared")
	}
}
