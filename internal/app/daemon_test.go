package app

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
	"alta/store"
)

// What a daemon does at its start, before a slot comes.
func TestServeFindsAtItsStart(t *testing.T) {
	midnight := moment(t, "2000-01-01T00:00:00Z") // when a bubble begins, and a slot
	run := func(s *store.Store, slot time.Time, ends bool) error {
		id, _, err := s.StartRun(t.Context(), store.BySchedule, slot, 0, midnight)
		if err != nil || !ends {
			return err
		}
		return s.FinishRun(t.Context(), id, pipeline.Report{}, nil, midnight)
	}
	for _, test := range []struct {
		name   string
		ledger func(*store.Store) error
		says   string // "" for no run
	}{
		{"A ledger that has never run waits for its first slot.", func(*store.Store) error { return nil }, ""},
		{"The latest slot was served.", func(s *store.Store) error { return run(s, midnight, true) }, ""},
		{"The latest slot was missed.", func(s *store.Store) error { return run(s, midnight.Add(-time.Hour), true) }, "a run was missed while alta was down"},
		{"Many slots were missed.", func(s *store.Store) error { return run(s, midnight.AddDate(0, -1, 0), true) }, "a run was missed while alta was down"},
		{"The run of the latest slot died.", func(s *store.Store) error { return run(s, midnight, false) }, "the latest run did not come to its end"},
		{"Another one went on with it since.", func(s *store.Store) error {
			return errors.Join(run(s, midnight, false), run(s, time.Time{}, true))
		}, ""},
		{"The clock was ahead, and the run of then died.", func(s *store.Store) error {
			return errors.Join(run(s, midnight, true), run(s, midnight.AddDate(0, 0, 1), false))
		}, "the latest run did not come to its end"},
		{"Every slot that was served lies ahead: none was missed.", func(s *store.Store) error { return run(s, midnight.AddDate(0, 0, 1), true) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, time.Now, `schedule.cron = "@hourly"`, `schedule.time_zone = "UTC"`, `operator.listen = ""`)
			ledger, err := store.Open(t.Context(), w.path("alta.db"))
			check(t, err)
			check(t, test.ledger(ledger))
			check(t, ledger.Close())
			synctest.Test(t, func(t *testing.T) {
				w.t = t
				d := w.serveHere()
				<-time.After(time.Minute)
				want := min(len(test.says), 1)
				if n := strings.Count(d.log.String(), `"run begins"`); n != want || !strings.Contains(d.log.String(), test.says) {
					t.Errorf("%d runs, want %d, and %q:\n%s", n, want, test.says, d.log)
				}
			})
		})
	}
}

// However long nothing ran, each user gets one mail, not the backlog.
func TestServeAfterAMonth(t *testing.T) {
	for _, test := range []struct {
		name string
		down bool
	}{{"while the machine slept", false}, {"while alta was down", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, clock, d := serveByClock(t)
			if test.down {
				d.stop()
			}
			clock.advance(31 * 24 * time.Hour)
			if test.down {
				d = w.serveHere()
			}
			w.eventually("the run after a month", func() bool { return strings.Contains(d.log.String(), `"sent":3`) })
			for range 3 {
				w.nextSlot(d, clock)
			}
			for _, p := range sixty()[:3] {
				if n := len(w.mailsTo(p.email)); n != 2 {
					t.Errorf("%s got %d mails, want the invite and one after the month", p.email, n)
				}
			}
		})
	}
}

// A program that is stopped over slots runs when it goes on, once.
func TestServeStoppedOverSlots(t *testing.T) {
	t.Parallel()
	const every = 2 * time.Second
	w := newWorld(t, time.Now, `schedule.cron = "@every 2s"`)
	w.importPeople(2)
	d := w.serve()
	w.eventually("the mails", func() bool { return len(w.smtp.Mails()) == 2 })

	d.signal(syscall.SIGSTOP)
	limit := time.Now().Add(3 * every)
	w.eventually("three slots to pass", func() bool { return time.Now().After(limit) })
	before, awake := w.served(), time.Now()
	if slept := awake.Sub(before[len(before)-1]); slept < 2*every {
		t.Fatalf("it ran %s ago, so it was not stopped", slept)
	}
	d.signal(syscall.SIGCONT)
	w.eventually("the run after it", func() bool { return len(w.served()) > len(before) })
	slot := w.served()[len(before)]
	if slot.Before(awake.Truncate(every)) {
		t.Errorf("awake at %s it served the slot of %s, which was not the latest", awake, slot)
	}
	w.eventually("the next one", func() bool { return len(w.served()) > len(before)+1 })
}

// A run that could not begin, or that an outage ended, is made up for within
// minutes, however far the next slot is.
func TestARunThatDidNotGoWellIsMadeUpFor(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: moment(t, "2026-03-02T08:59:00Z")}
	w := newWorld(t, clock.now, `schedule.cron = "0 9 * * *"`, `schedule.time_zone = "UTC"`, `operator.listen = ""`,
		`source.sqlite = "partner.db"`, `source.query = "SELECT id, email, name, country FROM users"`)
	d := w.serveHere()
	says := func(text string) { w.eventually(text, func() bool { return strings.Contains(d.log.String(), text) }) }
	says(`"serving"`)
	clock.advance(2 * time.Minute)
	says("run stopped by an outage")
	if n := len(w.served()); n != 1 {
		t.Fatalf("%d slots were served, want one", n)
	}

	db, err := sql.Open("sqlite3", w.path("partner.db"))
	check(t, err)
	_, err = db.Exec(`CREATE TABLE users (id, email, name, country); INSERT INTO users VALUES ('u-1', 'ana@correo.example', 'Ana', 'MX')`)
	check(t, errors.Join(err, db.Close()))
	clock.advance(againAfter)
	says(`"sent":1`)
	if n := len(w.served()); n != 1 {
		t.Errorf("%d slots were served, want none twice", n)
	}
}

func TestASlotIsSkippedWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	w, clock, d := serveByClock(t)
	v := w.stopAfter(0)
	w.alta(0, "users", "add", "--id", "u-new", "--email", "new@correo.example", "--name", "Nora", "--country", "MX")
	clock.advance(5 * time.Minute)
	v.wait(t, 1)
	clock.advance(5 * time.Minute)
	w.eventually("the slot to be skipped", func() bool {
		return strings.Contains(d.log.String(), "a slot was skipped: the run before it still goes on")
	})
	v.release()
	w.eventually("the end of the run", func() bool { return strings.Count(d.log.String(), `"run done"`) == 2 })
	w.nextSlot(d, clock)
	if n := len(w.served()); n != 3 {
		t.Errorf("%d slots were served, want all but the one that was skipped", n)
	}
}

// A bug in one run ends neither the daemon nor the runs after it.
// Only a slot is told of as skipped: a run that somebody asked for while one goes on is
// that one.
func TestOnlyASlotIsSkipped(t *testing.T) {
	log := &logBuffer{}
	d := &daemon{engine: &engine{log: slog.New(slog.NewTextHandler(log, nil))}}
	d.serving.Store(true)
	d.begin(t.Context(), pass{trigger: store.ByCommand})
	if log.String() != "" {
		t.Errorf("of a run without a slot the log says %s", log)
	}
	d.begin(t.Context(), pass{trigger: store.BySchedule, slot: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)})
	if !strings.Contains(log.String(), "a slot was skipped") {
		t.Errorf("of a slot the log says %q", log)
	}
}

func TestARunThatMeetsABug(t *testing.T) {
	w := newWorld(t, time.Now)
	log := &logBuffer{}
	a := &app{screen: &screen{out: log}, getenv: w.getenv, now: w.now, defaults: standardConfig(t), configFile: w.path(defaultConfigFile)}
	check(t, a.withStore(t.Context(), func(s ledger) error {
		e, err := a.newEngine(t.Context(), s)
		if err != nil {
			return err
		}
		defer func() { check(t, e.close()) }()
		d := &daemon{engine: e}
		healthy := e.metrics
		e.metrics = nil
		d.begin(t.Context(), pass{trigger: store.BySchedule})
		d.runs.Wait()
		if !strings.Contains(log.String(), "the run met a bug") {
			t.Errorf("it says %s", log)
		}
		e.metrics = healthy
		d.begin(t.Context(), pass{trigger: store.BySchedule})
		d.runs.Wait()
		if !strings.Contains(log.String(), `"run done"`) {
			t.Errorf("no run followed: %s", log)
		}
		return nil
	}))
}

const slotLayout = "Jan 2 15:04"

// slots are those of [world.served], in words.
func (w *world) slots() (all []string) {
	w.t.Helper()
	for _, slot := range w.served() {
		all = append(all, slot.Format(slotLayout))
	}
	return all
}

// served are the slots that the ledger has served, in the order of serving.
func (w *world) served() (all []time.Time) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.path("alta.db")+"?_query_only=1")
	check(w.t, err)
	defer func() { check(w.t, db.Close()) }()
	rows, err := db.Query(`SELECT slot FROM runs WHERE slot IS NOT NULL ORDER BY id`)
	check(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var ms int64
		check(w.t, rows.Scan(&ms))
		all = append(all, time.UnixMilli(ms).UTC())
	}
	check(w.t, rows.Err())
	return all
}

// daemonHere is "alta serve" inside this process, on the world's clock.
type daemonHere struct {
	log  *logBuffer
	stop func() // waits for its end; once is enough
}

func (w *world) serveHere() *daemonHere {
	w.t.Helper()
	d := &daemonHere{log: &logBuffer{}}
	a := &app{
		in: strings.NewReader(""), out: io.Discard, screen: &screen{out: d.log}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t),
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan int, 1)
	go func() { ended <- a.run(ctx, []string{"--config", w.path(defaultConfigFile), "serve"}) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if status := <-ended; status != 0 {
			w.t.Errorf("exit status %d, want 0\n%s", status, d.log)
		}
		w.wantNoSecret(d.log.String())
	})
	w.t.Cleanup(d.stop)
	return d
}
