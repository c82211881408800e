package app

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The daemon on a clock that somebody sets, in the time of testing/synctest:
// which slots it serves, and how soon.
func TestServeOnAClockThatSteps(t *testing.T) {
	const day = 24 * time.Hour
	type step struct {
		by   time.Duration // the clock is set by that much
		then time.Duration // and runs on for so long
		want []string      // the slots served meanwhile
	}
	for _, test := range []struct {
		name  string
		cron  string
		steps []step
	}{
		{"Nobody touches the clock, and each slot is served.", "*/5 * * * *", []step{
			{0, 16 * time.Minute, []string{"Jan 1 12:05", "Jan 1 12:10", "Jan 1 12:15"}},
		}},
		{"An hour ahead: one run within two seconds, then as ever.", "*/5 * * * *", []step{
			{0, 6 * time.Minute, []string{"Jan 1 12:05"}},
			{time.Hour, 2 * time.Second, []string{"Jan 1 13:05"}},
			{0, 5 * time.Minute, []string{"Jan 1 13:10"}},
		}},
		{"A day ahead: one run within two seconds, then as ever.", "*/5 * * * *", []step{
			{0, 6 * time.Minute, []string{"Jan 1 12:05"}},
			{day, 2 * time.Second, []string{"Jan 2 12:05"}},
			{0, 5 * time.Minute, []string{"Jan 2 12:10"}},
		}},
		{"An hour back: the slots that were served don't come again, the others do.", "*/30 * * * *", []step{
			{0, 70 * time.Minute, []string{"Jan 1 12:30", "Jan 1 13:00"}},
			{-time.Hour, 45 * time.Minute, nil},
			{0, 10 * time.Minute, nil},
			{0, 30 * time.Minute, []string{"Jan 1 13:30"}},
		}},
		{"A day back, to before the first slot: the doorbell is awake at once.", "*/30 * * * *", []step{
			{0, 31 * time.Minute, []string{"Jan 1 12:30"}},
			{-day, 30 * time.Minute, []string{"Dec 31 13:00"}},
			{0, 30 * time.Minute, []string{"Dec 31 13:30"}},
			{day, 30 * time.Minute, []string{"Jan 1 13:30", "Jan 1 14:00"}},
		}},
		{"An hour ahead for a minute: no slot of the right time is lost.", "*/30 * * * *", []step{
			{0, time.Minute, nil},
			{time.Hour, time.Minute, []string{"Jan 1 13:00"}},
			{-time.Hour, time.Hour, []string{"Jan 1 12:30"}},
			{0, time.Hour, []string{"Jan 1 13:30", "Jan 1 14:00"}},
		}},
		{"A day ahead for a minute: no slot of the right time is lost.", "0 13 * * *", []step{
			{0, time.Minute, nil},
			{day, time.Minute, []string{"Jan 1 13:00"}},
			{-day, time.Hour, nil},
			{day, time.Hour, []string{"Jan 2 13:00"}},
		}},
		{"A week of sleep: one run, for the latest slot.", "@every 10m", []step{
			{0, 11 * time.Minute, []string{"Jan 1 12:10"}},
			{7 * day, 2 * time.Second, []string{"Jan 8 12:10"}},
			{0, 10 * time.Minute, []string{"Jan 8 12:20"}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, time.Now, `schedule.cron = "`+test.cron+`"`, `schedule.time_zone = "UTC"`, `operator.listen = ""`)
			synctest.Test(t, func(t *testing.T) {
				w.t = t
				var set atomic.Int64
				set.Store(int64(12 * time.Hour)) // the bubble begins at midnight
				w.now = func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				d := w.serveHere()
				var served []string
				for i, s := range test.steps {
					set.Add(int64(s.by))
					<-time.After(s.then + time.Millisecond)
					synctest.Wait()
					all := w.slots()
					if diff := cmp.Diff(s.want, all[len(served):], cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("step %d: slots served (-want +got):\n%s\n%s", i+1, diff, d.log)
					}
					served = all
				}
				if n := strings.Count(d.log.String(), `"run begins"`); n != len(served) {
					t.Errorf("%d runs for %d slots\n%s", n, len(served), d.log)
				}
			})
		})
	}
}

// A slot that was served while the clock was ahead hides none from a restart.
func TestServeAfterAClockThatWasAhead(t *testing.T) {
	w := newWorld(t, time.Now, `schedule.cron = "0 9 * * *"`, `schedule.time_zone = "UTC"`, `operator.listen = ""`)
	synctest.Test(t, func(t *testing.T) {
		w.t = t
		ahead := 8*time.Hour + 59*time.Minute // the bubble begins at midnight
		w.now = func() time.Time { return time.Now().Add(ahead) }
		for _, start := range []struct {
			by     time.Duration // the clock is set by that much while alta is down
			served []string      // in all, ten minutes later
		}{
			{0, []string{"Jan 1 09:00"}},
			{31 * 24 * time.Hour, []string{"Jan 1 09:00", "Feb 1 09:00"}},
			{-30 * 24 * time.Hour, []string{"Jan 1 09:00", "Feb 1 09:00", "Jan 2 09:00"}},
			{0, []string{"Jan 1 09:00", "Feb 1 09:00", "Jan 2 09:00"}},
		} {
			ahead += start.by
			d := w.serveHere()
			<-time.After(10 * time.Minute)
			d.stop()
			if diff := cmp.Diff(start.served, w.slots()); diff != "" {
				t.Fatalf("slots served (-want +got):\n%s\n%s", diff, d.log)
			}
		}
	})
}

// Whichever way the clock is set, nobody is mailed twice within the gap by that
// clock, and a user who comes afterwards is invited at the next slot.
func TestMailsOnAClockThatSteps(t *testing.T) {
	for _, test := range []struct {
		name   string
		by     time.Duration
		mails  int // to each of the first users, in all
		latest int // to the user who came while the clock was wrong
	}{
		{"an hour ahead", time.Hour, 1, 1},
		{"a day ahead: the reminder is due by that clock", 24 * time.Hour, 2, 1},
		{"an hour back", -time.Hour, 1, 1},
		{"a day back: once it is right again, a mail that it stamped counts as a day old", -24 * time.Hour, 1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, clock, d := serveByClock(t)
			w.set(d, clock, test.by)
			w.alta(0, "users", "add", "--id", "u-new", "--email", "new@correo.example", "--name", "Nora", "--country", "MX")
			w.nextSlot(d, clock)
			w.eventually("the new user's invite", func() bool { return len(w.mailsTo("new@correo.example")) == 1 })
			w.nextSlot(d, clock)

			w.set(d, clock, -test.by) // and right again
			w.nextSlot(d, clock)
			for _, p := range sixty()[:3] {
				if n := len(w.mailsTo(p.email)); n != test.mails {
					t.Errorf("%s got %d mails, want %d", p.email, n, test.mails)
				}
			}
			if n := len(w.mailsTo("new@correo.example")); n != test.latest {
				t.Errorf("the new user got %d mails, want %d", n, test.latest)
			}
		})
	}
}

// serveByClock starts a daemon that has just invited three users, with a slot
// every five minutes.
func serveByClock(t *testing.T) (*world, *testClock, *daemonHere) {
	t.Helper()
	clock := &testClock{at: moment(t, "2026-03-02T18:04:00Z")}
	w := newWorld(t, clock.now, `schedule.cron = "*/5 * * * *"`)
	w.write("users.csv", csvOf(sixty()[:3]))
	w.alta(0, "users", "import", w.path("users.csv"))
	d := w.serveHere()
	w.eventually("the daemon", func() bool { return strings.Contains(d.log.String(), `"serving"`) })
	w.nextSlot(d, clock)
	if n := len(w.smtp.Mails()); n != 3 {
		t.Fatalf("%d mails, want three invites", n)
	}
	return w, clock, d
}

// set sets the clock and returns when the daemon has seen it, and made the run
// that a step ahead asks for.
func (w *world) set(d *daemonHere, clock *testClock, by time.Duration) {
	w.t.Helper()
	seen := `"run done"`
	if by < 0 {
		seen = "the clock went back"
	}
	before := strings.Count(d.log.String(), seen)
	clock.advance(by)
	w.eventually("the daemon to see the step", func() bool { return strings.Count(d.log.String(), seen) > before })
}

// nextSlot moves the clock to the next slot and returns when its run is over.
func (w *world) nextSlot(d *daemonHere, clock *testClock) {
	w.t.Helper()
	w.set(d, clock, 5*time.Minute)
}
