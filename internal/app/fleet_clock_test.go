package app

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
)

// Two machines whose clocks are five minutes ahead and five behind go by the
// database's: nobody is mailed before the time, twice, or after the sending hours.
func TestMachinesFiveMinutesApart(t *testing.T) {
	t.Parallel()
	const minutes = 5 * time.Minute
	// The sending hours end at 20:00, which is 02:00 UTC, twelve seconds from here.
	began := time.Now()
	end := moment(t, "2026-03-03T02:00:00Z")
	clock := func() time.Time { return end.Add(-12 * time.Second).Add(time.Since(began)) }
	w := newWorldOn(t, clock, newLedgerDatabase(t, pgtest.Shared(t)), `schedule.cron = "@every 1s"`, `plan.sending_hours = "09:00-20:00"`,
		"plan.workers = 4", "smtp.rate = 4", "smtp.connections = 4", "guard.mails = 0", `operator.listen = ""`)
	people := manyPeople(80)
	for i := range people {
		people[i].country = "MX"
	}
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	// Half of them are due in three seconds.
	later := clock().Add(3 * time.Second)
	w.change(`UPDATE deliveries SET due_at = ? WHERE id > 40`, later.UnixMilli())

	ctx, stop := context.WithCancel(t.Context())
	var machines sync.WaitGroup
	for _, off := range []time.Duration{minutes, -minutes} {
		machines.Go(func() {
			var logged bytes.Buffer
			a := w.process(&logged)
			a.now = func() time.Time { return clock().Add(off) }
			if status := a.run(ctx, []string{"--config", w.path(defaultConfigFile), "serve"}); status != exitDone {
				t.Errorf("a machine %s off ended with status %d:\n%s", off, status, logged.String())
			}
		})
	}
	w.eventually("six seconds past the end of the sending hours", func() bool { return clock().After(end.Add(6 * time.Second)) })
	stop()
	machines.Wait()

	mails := w.smtp.Mails()
	if len(mails) < 4 || len(mails) == len(people) {
		t.Errorf("%d mails, want some and not all of %d before the hours end", len(mails), len(people))
	}
	seen := map[string]bool{}
	for _, m := range mails {
		to := strings.Join(m.To, " ")
		if seen[to] {
			t.Errorf("%s was mailed twice", to)
		}
		seen[to] = true
		// A mail that the plan has let go may wait for smtp.rate behind the others of
		// both machines, two seconds here.
		if m.At.After(end.Add(3 * time.Second)) {
			t.Errorf("%s was mailed %s after the sending hours", to, m.At.Sub(end))
		}
		var n int
		if _, err := fmt.Sscanf(to, "persona%d@", &n); err != nil {
			t.Fatal(err)
		}
		if n > 40 && m.At.Before(later) {
			t.Errorf("%s was mailed %s before the time", to, later.Sub(m.At))
		}
	}
}

// A machine whose clock is hours off sends with the others, and does not lead them.
func TestAMachineWhoseClockIsHoursOffDoesNotLead(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, time.Now, newLedgerDatabase(t, pgtest.Shared(t)), `schedule.cron = "@every 1s"`, `operator.listen = ""`)
	people := manyPeople(5)
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	ctx, stop := context.WithCancel(t.Context())
	var machines sync.WaitGroup
	defer machines.Wait()
	defer stop()
	serve := func(off time.Duration) *logBuffer {
		logged := new(logBuffer)
		machines.Go(func() {
			a := w.process(logged)
			a.now = func() time.Time { return time.Now().Add(off) }
			if status := a.run(ctx, []string{"--config", w.path(defaultConfigFile), "serve"}); status != exitDone {
				t.Errorf("a machine %s off ended with status %d:\n%s", off, status, logged.String())
			}
		})
		w.eventually("it to serve", func() bool { return strings.Contains(logged.String(), `"serving"`) })
		return logged
	}
	off := serve(2 * time.Hour)
	if text := off.String(); !strings.Contains(text, "so that it does not lead") || !strings.Contains(text, `"ahead":"2h0m0s"`) {
		t.Errorf("the machine whose clock is off says nothing of it:\n%s", text)
	}
	right := serve(0)
	w.eventually("the mails", func() bool { return len(w.smtp.Mails()) == len(people) })
	var leader string
	check(t, w.rows().queryRow(`SELECT leader_id FROM river_leader`).Scan(&leader))
	if !strings.Contains(right.String(), fmt.Sprintf("%q", leader)) {
		t.Errorf("%s leads, which is not the machine whose clock is right", leader)
	}
}
