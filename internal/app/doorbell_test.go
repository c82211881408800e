package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"
)

// asked is one look at the clock, and the slot that the doorbell rings for; ""
// when it does not ring. Times are RFC 3339.
type asked struct{ now, slot string }

func TestDoorbell(t *testing.T) {
	for _, test := range []struct {
		name, cron, zone, start string
		asked                   []asked
	}{
		{"It rings when a slot has come, and once.", "*/5 * * * *", "America/Mexico_City", "2026-03-02T15:04:58Z", []asked{
			{"2026-03-02T15:04:59.9Z", ""}, {"2026-03-02T15:05:00.9Z", "2026-03-02T15:05:00Z"}, {"2026-03-02T15:05:01.9Z", ""},
			{"2026-03-02T15:09:59.9Z", ""}, {"2026-03-02T15:10:00Z", "2026-03-02T15:10:00Z"},
		}},
		{"A slot at the very start is not its business: whoever starts it asks the ledger.", "*/5 * * * *", "UTC", "2026-03-02T15:05:00Z", []asked{
			{"2026-03-02T15:05:01Z", ""},
		}},
		{"Asked late, it still rings.", "*/5 * * * *", "UTC", "2026-03-02T15:04:00Z", []asked{
			{"2026-03-02T15:08:30Z", "2026-03-02T15:05:00Z"}, {"2026-03-02T15:10:01Z", "2026-03-02T15:10:00Z"},
		}},
		{"After a month of sleep it rings once, for the latest slot.", "*/5 * * * *", "UTC", "2026-03-02T15:04:00Z", []asked{
			{"2026-04-02T03:33:10Z", "2026-04-02T03:30:00Z"}, {"2026-04-02T03:33:11Z", ""}, {"2026-04-02T03:35:00Z", "2026-04-02T03:35:00Z"},
		}},
		{"A step forward over no slot changes nothing.", "@daily", "UTC", "2026-03-02T10:00:00Z", []asked{
			{"2026-03-02T11:00:01Z", ""}, {"2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z"},
		}},
		{"A step forward of an hour rings once.", "*/5 * * * *", "UTC", "2026-03-02T15:01:00Z", []asked{
			{"2026-03-02T16:01:01Z", "2026-03-02T16:00:00Z"}, {"2026-03-02T16:01:02Z", ""}, {"2026-03-02T16:05:00Z", "2026-03-02T16:05:00Z"},
		}},
		{"A step forward of a day rings once.", "*/5 * * * *", "UTC", "2026-03-02T15:01:00Z", []asked{
			{"2026-03-03T15:01:01Z", "2026-03-03T15:00:00Z"}, {"2026-03-03T15:01:02Z", ""}, {"2026-03-03T15:05:00Z", "2026-03-03T15:05:00Z"},
		}},
		{"A step back of an hour does not ring, and the slots of that hour come again for the ledger to refuse.", "*/5 * * * *", "UTC", "2026-03-02T14:59:00Z", []asked{
			{"2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z"}, {"2026-03-02T14:01:00Z", ""}, {"2026-03-02T14:05:00Z", "2026-03-02T14:05:00Z"},
			{"2026-03-02T14:59:59Z", "2026-03-02T14:55:00Z"}, {"2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z"},
		}},
		{"After a step back of a day the next slot is minutes ahead, not a day.", "*/5 * * * *", "UTC", "2026-03-02T15:01:00Z", []asked{
			{"2026-03-01T15:01:01Z", ""}, {"2026-03-01T15:04:59Z", ""}, {"2026-03-01T15:05:00Z", "2026-03-01T15:05:00Z"},
		}},
		{"There and back again: a clock that was a day ahead for a moment costs no slot of today.", "0 9 * * *", "UTC", "2026-03-02T08:00:00Z", []asked{
			{"2026-03-03T08:00:01Z", "2026-03-02T09:00:00Z"}, {"2026-03-02T08:00:02Z", ""}, {"2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"},
		}},

		{"Tijuana, spring 2026: half past two is not there.", "30 2 * * *", "America/Tijuana", "2026-03-08T00:00:00-08:00", []asked{
			{"2026-03-08T03:30:00-07:00", ""}, {"2026-03-08T23:59:59-07:00", ""}, {"2026-03-09T02:30:00-07:00", "2026-03-09T02:30:00-07:00"},
		}},
		{"Tijuana, spring 2027: half past two is not there.", "30 2 * * *", "America/Tijuana", "2027-03-14T00:00:00-08:00", []asked{
			{"2027-03-14T03:30:00-07:00", ""}, {"2027-03-14T23:59:59-07:00", ""}, {"2027-03-15T02:30:00-07:00", "2027-03-15T02:30:00-07:00"},
		}},
		{"Tijuana, spring 2026: nine o'clock comes an hour sooner.", "0 9 * * *", "America/Tijuana", "2026-03-07T09:00:00-08:00", []asked{
			{"2026-03-08T08:59:59-07:00", ""}, {"2026-03-08T09:00:00-07:00", "2026-03-08T09:00:00-07:00"},
		}},
		{"Tijuana, autumn 2026: half past one comes twice, as two slots.", "30 1 * * *", "America/Tijuana", "2026-11-01T00:00:00-07:00", []asked{
			{"2026-11-01T01:30:00-07:00", "2026-11-01T01:30:00-07:00"}, {"2026-11-01T01:29:59-08:00", ""},
			{"2026-11-01T01:30:00-08:00", "2026-11-01T01:30:00-08:00"}, {"2026-11-02T01:29:59-08:00", ""},
		}},
		{"Tijuana, autumn 2027: half past one comes twice, as two slots.", "30 1 * * *", "America/Tijuana", "2027-11-07T00:00:00-07:00", []asked{
			{"2027-11-07T01:30:00-07:00", "2027-11-07T01:30:00-07:00"}, {"2027-11-07T01:29:59-08:00", ""},
			{"2027-11-07T01:30:00-08:00", "2027-11-07T01:30:00-08:00"}, {"2027-11-08T01:29:59-08:00", ""},
		}},
		{"Tijuana, autumn 2026: nine o'clock comes an hour later, once.", "0 9 * * *", "America/Tijuana", "2026-10-31T09:00:00-07:00", []asked{
			{"2026-11-01T08:59:59-08:00", ""}, {"2026-11-01T09:00:00-08:00", "2026-11-01T09:00:00-08:00"}, {"2026-11-01T23:00:00-08:00", ""},
		}},
		{"The clock of the zone is set back: the machine's own goes on, and so does the doorbell.", "*/30 * * * *", "America/Tijuana", "2026-11-01T01:31:00-07:00", []asked{
			{"2026-11-01T01:00:00-08:00", "2026-11-01T01:00:00-08:00"}, {"2026-11-01T01:30:00-08:00", "2026-11-01T01:30:00-08:00"},
		}},
		{"Hermosillo has no change in spring.", "30 2 * * *", "America/Hermosillo", "2026-03-08T00:00:00-07:00", []asked{
			{"2026-03-08T02:30:00-07:00", "2026-03-08T02:30:00-07:00"}, {"2026-03-09T02:29:59-07:00", ""},
		}},
		{"Hermosillo has no change in autumn.", "30 1 * * *", "America/Hermosillo", "2026-11-01T00:00:00-07:00", []asked{
			{"2026-11-01T01:30:00-07:00", "2026-11-01T01:30:00-07:00"}, {"2026-11-02T01:29:59-07:00", ""},
		}},
		{"Santo Domingo has no change in spring.", "30 2 * * *", "America/Santo_Domingo", "2026-03-08T00:00:00-04:00", []asked{
			{"2026-03-08T02:30:00-04:00", "2026-03-08T02:30:00-04:00"}, {"2026-03-09T02:29:59-04:00", ""},
		}},
		{"Santo Domingo has no change in autumn.", "30 1 * * *", "America/Santo_Domingo", "2026-11-01T00:00:00-04:00", []asked{
			{"2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-04:00"}, {"2026-11-02T01:29:59-04:00", ""},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bell := newDoorbell(scheduleOf(t, test.cron), zoneOf(t, test.zone), moment(t, test.start))
			got, want := []string{}, []string{}
			for _, a := range test.asked {
				line := a.now + ": "
				if slot, rings := bell.at(moment(t, a.now)); rings {
					got = append(got, line+slot.UTC().Format(time.RFC3339))
				} else {
					got = append(got, line)
				}
				if a.slot != "" {
					line += moment(t, a.slot).UTC().Format(time.RFC3339)
				}
				want = append(want, line)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDoorbellThatNeverRings(t *testing.T) {
	bell := newDoorbell(neverAgain{}, time.UTC, moment(t, "2026-03-02T15:00:00Z"))
	if slot, rings := bell.at(moment(t, "2030-03-02T15:00:00Z")); rings {
		t.Errorf("it rings for %s", slot)
	}
}

// Wherever the clock goes, it rings at the first look after a slot, once, for
// the latest one, and knows the next.
func TestDoorbellOnAnyClock(t *testing.T) {
	start := moment(t, "2026-03-02T15:00:00Z")
	moves := rapid.OneOf(
		rapid.Just(time.Second),
		rapid.Map(rapid.IntRange(0, 90_000), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }),
		rapid.SampledFrom([]time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 31 * 24 * time.Hour}),
		rapid.Map(rapid.IntRange(-200_000, 200_000), func(s int) time.Duration { return time.Duration(s) * time.Second }),
	)
	rapid.Check(t, func(t *rapid.T) {
		// Both ring at every multiple of the period, which is told without them.
		minutes := rapid.SampledFrom([]int{1, 5, 7, 15, 30, 60}).Draw(t, "minutes")
		period := time.Duration(minutes) * time.Minute
		spec := fmt.Sprintf("@every %dm", minutes)
		if 60%minutes == 0 && rapid.Bool().Draw(t, "fields") {
			spec = map[bool]string{true: "@hourly", false: fmt.Sprintf("*/%d * * * *", minutes)}[minutes == 60]
		}
		now := start.Add(moves.Draw(t, "start"))
		bell := newDoorbell(scheduleOf(t, spec), time.UTC, now)
		for _, move := range rapid.SliceOfN(moves, 1, 60).Draw(t, "moves") {
			before := now
			now = now.Add(move)
			slot, rings := bell.at(now)
			latest := now.Truncate(period)
			if want := latest.After(before); rings != want {
				t.Fatalf("%s: from %v to %v it rings = %v, want %v", spec, before, now, rings, want)
			}
			if rings && !slot.Equal(latest) {
				t.Fatalf("%s: at %v it rings for %v, want %v", spec, now, slot, latest)
			}
			if next := now.Truncate(period).Add(period); !bell.next.Equal(next) {
				t.Fatalf("%s: at %v the next is %v, want %v", spec, now, bell.next, next)
			}
		}
	})
}

// Over days on which a clock changes, every moment at which the clock on the
// wall shows what the fields say is a slot, and nothing else is.
func TestDoorbellOnChangeDays(t *testing.T) {
	days := []string{"2026-03-07T08:00:00Z", "2026-10-31T07:00:00Z", "2027-03-13T08:00:00Z", "2027-11-06T07:00:00Z"}
	zones := []string{"America/Tijuana", "America/Hermosillo", "America/Santo_Domingo"}
	rapid.Check(t, func(t *rapid.T) {
		start := moment(t, rapid.SampledFrom(days).Draw(t, "day"))
		zone := zoneOf(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		minute, hour := rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(-1, 23).Draw(t, "hour")
		spec := fmt.Sprintf("%d %d * * *", minute, hour)
		if hour < 0 {
			spec = fmt.Sprintf("%d * * * *", minute)
		}
		bell := newDoorbell(scheduleOf(t, spec), zone, start)
		var got, want []time.Time
		for now := start.Add(time.Minute); now.Before(start.Add(72 * time.Hour)); now = now.Add(time.Minute) {
			if slot, rings := bell.at(now); rings {
				got = append(got, slot.UTC())
			}
			if wall := now.In(zone); wall.Minute() == minute && (hour < 0 || wall.Hour() == hour) {
				want = append(want, now)
			}
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s in %s rings for %v, want %v", spec, zone, got, want)
		}
	})
}

// A monotonic reading would make the doorbell blind to sleep and to steps, and
// no test can step the machine's clock to see it.
func TestDoorbellKeepsTheClockOnTheWallOnly(t *testing.T) {
	for _, spec := range []string{"* * * * *", "@every 1s"} {
		now := time.Now()
		bell := newDoorbell(scheduleOf(t, spec), time.UTC, now)
		for range 3 {
			for _, kept := range []time.Time{bell.seen, bell.next} {
				if strings.Contains(kept.String(), "m=") {
					t.Fatalf("%s: it keeps %s", spec, kept)
				}
			}
			now = now.Add(time.Minute)
			if slot, rings := bell.at(now); !rings || strings.Contains(slot.String(), "m=") {
				t.Fatalf("%s: it rings = %v for %s", spec, rings, slot)
			}
		}
	}
}

func TestAskingTheDoorbellCostsNothing(t *testing.T) {
	now := moment(t, "2026-03-02T15:00:00Z")
	bell := newDoorbell(scheduleOf(t, "@hourly"), zoneOf(t, "America/Tijuana"), now)
	if n := testing.AllocsPerRun(1000, func() { bell.at(now) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func scheduleOf(t rapid.TB, spec string) cron.Schedule {
	t.Helper()
	s, err := parseCron(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zoneOf(t rapid.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
