package app

import (
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
	"alta/store"
)

func TestTurns(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at      time.Duration // when the next transaction could begin
		running bool
		want    time.Duration // how long it waits
		takes   time.Duration
	}
	for _, c := range []struct {
		it    string
		steps []step
	}{
		{"the first transaction begins at once", []step{{0, false, 0, 0}}},
		{"it does so beside a run, too", []step{{0, true, 0, 0}}},
		{"the next one follows at once when nobody is known to wait", []step{
			{0, false, 0, 300 * ms}, {300 * ms, false, 0, 300 * ms},
		}},
		{"a run gets a turn after each", []step{
			{0, true, 0, 300 * ms}, {300 * ms, true, turn, 300 * ms}, {600*ms + turn, true, turn, 0},
		}},
		{"what was quiet for some time waits the rest of it", []step{
			{0, true, 0, 300 * ms}, {300*ms + turn/3, true, turn - turn/3, 0},
		}},
		{"what was quiet for a turn waits no more", []step{
			{0, true, 0, 300 * ms}, {300*ms + turn, true, 0, 0},
		}},
		{"after two seconds without a break everybody gets a turn", []step{
			{0, false, 0, 1900 * ms}, {1900 * ms, false, 0, 200 * ms}, {2100 * ms, false, turn, 1900 * ms},
			{4000*ms + turn, false, 0, 0},
		}},
		{"a quiet time is such a break", []step{
			{0, false, 0, 1900 * ms}, {1900*ms + turn, false, 0, 1900 * ms}, {3800*ms + turn, false, 0, 0},
		}},
		{"a clock that goes back makes nobody wait for longer than a turn", []step{
			{0, true, 0, 300 * ms}, {-time.Hour, true, turn, 0},
		}},
	} {
		t.Run(c.it, func(t *testing.T) {
			var turns turns
			start := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
			for i, s := range c.steps {
				now := start.Add(s.at)
				got := turns.wait(now, s.running)
				if got != s.want {
					t.Errorf("transaction %d waits %s, want %s", i+1, got, s.want)
				}
				turns.wrote(now.Add(got + s.takes))
			}
		})
	}
}

// An import beside a run leaves it the ledger after each transaction, for as long
// as it takes a process that waits to notice.
func TestAnImportGivesARunItsTurns(t *testing.T) {
	for _, c := range []struct {
		it      string
		running bool
		want    time.Duration // over three transactions, which take no time on this clock
	}{
		{"alone it goes on without a break", false, 0},
		{"beside a run it pauses between two", true, 2 * turn},
	} {
		t.Run(c.it, func(t *testing.T) {
			path := t.TempDir() + "/alta.db"
			synctest.Test(t, func(t *testing.T) {
				s, err := store.Open(t.Context(), path)
				check(t, err)
				defer func() { check(t, s.Close()) }()
				if c.running {
					run, err := store.Open(t.Context(), path)
					check(t, err)
					defer func() { check(t, run.Close()) }()
					lock, err := run.Lock()
					check(t, err)
					defer func() { check(t, lock.Unlock()) }()
				}
				a := &app{now: time.Now, config: &Config{}}
				began := time.Now()
				enrol := a.enrolInTurns(t.Context(), fileLedger{s}, func(store.Enrolled, int) {})
				for _, id := range []string{"a", "b", "c"} {
					check(t, enrol(portion{users: []pipeline.User{{ID: id, Email: "a@example.com", Name: "A", Country: pipeline.MX}}}))
				}
				if took := time.Since(began); took != c.want {
					t.Errorf("took %s, want %s", took, c.want)
				}
			})
		})
	}
}
