package fleet

import (
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

func TestRingingGoesByTheZoneOfTheSchedule(t *testing.T) {
	zone, err := time.LoadLocation("America/Mexico_City")
	if err != nil {
		t.Fatal(err)
	}
	nine, err := cron.ParseStandard("0 9 * * *")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 14, 59, 0, 0, time.UTC)
	if got, want := (ringing{nine, zone}).Next(now), now.Add(time.Minute); !got.Equal(want) {
		t.Errorf("the next ring is at %s, want %s", got, want)
	}
	if got := (ringing{never{}, zone}).Next(now); got.Before(now.AddDate(50, 0, 0)) {
		t.Errorf("a schedule without a moment rings at %s", got)
	}
}

type never struct{}

func (never) Next(time.Time) time.Time { return time.Time{} }
