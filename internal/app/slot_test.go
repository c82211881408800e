package app

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSlotAt(t *testing.T) {
	for _, test := range []struct {
		name, cron, zone string
		now, want        string // RFC 3339
	}{
		{"the latest five minutes", "*/5 * * * *", "America/Mexico_City", "2026-03-02T15:07:30Z", "2026-03-02T15:05:00Z"},
		{"the very moment counts", "*/5 * * * *", "America/Mexico_City", "2026-03-02T15:05:00Z", "2026-03-02T15:05:00Z"},
		{"a hair before it does not", "*/5 * * * *", "America/Mexico_City", "2026-03-02T15:04:59.999Z", "2026-03-02T15:00:00Z"},
		{"midnight is the zone's own", "@daily", "America/Santo_Domingo", "2026-03-02T03:59:00Z", "2026-03-01T04:00:00Z"},
		{"and passes there", "@daily", "America/Santo_Domingo", "2026-03-02T04:00:01Z", "2026-03-02T04:00:00Z"},
		{"weekdays reach back over the weekend", "0 9 * * 1-5", "America/Mexico_City", "2026-03-01T18:00:00Z", "2026-02-27T15:00:00Z"},
		{"Tijuana: the hour that is skipped in March has no slot", "30 2 * * *", "America/Tijuana", "2026-03-08T20:00:00Z", "2026-03-07T10:30:00Z"},
		{"Tijuana: the day after, the slot comes by summer time", "30 2 * * *", "America/Tijuana", "2026-03-09T20:00:00Z", "2026-03-09T09:30:00Z"},
		{"Tijuana: the hour that comes twice in November, after the first", "30 1 * * *", "America/Tijuana", "2026-11-01T08:45:00Z", "2026-11-01T08:30:00Z"},
		{"Tijuana: the hour that comes twice in November, after the second", "30 1 * * *", "America/Tijuana", "2026-11-01T09:45:00Z", "2026-11-01T09:30:00Z"},
		{"Tijuana 2027: the hour that is skipped in March has no slot", "30 2 * * *", "America/Tijuana", "2027-03-14T20:00:00Z", "2027-03-13T10:30:00Z"},
		{"Tijuana 2027: the hour that comes twice in November, after the second", "30 1 * * *", "America/Tijuana", "2027-11-07T09:45:00Z", "2027-11-07T09:30:00Z"},
		{"Hermosillo has no change in March", "30 2 * * *", "America/Hermosillo", "2026-03-08T20:00:00Z", "2026-03-08T09:30:00Z"},
		{"Hermosillo has no change in November", "30 1 * * *", "America/Hermosillo", "2026-11-01T09:45:00Z", "2026-11-01T08:30:00Z"},
		{"ten minutes apart is in step with the hour, whenever it is asked", "@every 10m", "America/Tijuana", "2026-03-02T15:17:31Z", "2026-03-02T15:10:00Z"},
		{"parts of a second are left out", "@every 1500ms", "UTC", "2026-03-02T15:17:31.9Z", "2026-03-02T15:17:31Z"},
		{"once a year", "0 0 1 1 *", "UTC", "2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z"},
		{"once in four years", "0 9 29 2 *", "UTC", "2027-03-01T00:00:00Z", "2024-02-29T09:00:00Z"},
		{"a leap day that 2100 leaves out", "0 9 29 2 *", "UTC", "2103-03-01T00:00:00Z", "2096-02-29T09:00:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now, want := moment(t, test.now), moment(t, test.want)
			if got := slotAt(scheduleOf(t, test.cron), zoneOf(t, test.zone), now); !got.Equal(want) {
				t.Errorf("slotAt(%s) = %s, want %s", test.now, got.UTC().Format(time.RFC3339), test.want)
			}
		})
	}
}

// Whatever the schedule, nothing of it lies between a slot and now.
func TestSlotAtIsTheLatest(t *testing.T) {
	zone := zoneOf(t, "America/Tijuana")
	for _, cron := range []string{"* * * * *", "*/7 * * * *", "0 */5 * * *", "15 10 * * 0", "@every 10m", "@every 90s"} {
		schedule := scheduleOf(t, cron)
		for now := moment(t, "2026-10-25T00:00:01Z"); now.Before(moment(t, "2026-11-08T00:00:00Z")); now = now.Add(97 * time.Minute) {
			slot := slotAt(schedule, zone, now)
			if slot.After(now) || slot.IsZero() {
				t.Fatalf("%s at %s: the slot %s is not in the past", cron, now, slot)
			}
			if next := schedule.Next(slot); !next.After(now) {
				t.Fatalf("%s at %s: %s follows the slot %s", cron, now, next, slot)
			}
		}
	}
}

type neverAgain struct{}

func (neverAgain) Next(time.Time) time.Time { return time.Time{} }

func TestSlotAtWithoutAny(t *testing.T) {
	if got := slotAt(neverAgain{}, time.UTC, moment(t, "2026-03-02T15:00:00Z")); !got.IsZero() {
		t.Errorf("slotAt = %s, want the zero time", got)
	}
}

func moment(t rapid.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
