package store

import (
	"testing"
	"time"
	_ "time/tzdata"

	"alta/pipeline"
)

// The days of a zone are added up of hours, thirty of them, those without anything too.
func TestDaysAreThoseOfTheZone(t *testing.T) {
	hour := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	mx := MailKind{pipeline.MX, pipeline.Invite}
	o := Overview{
		Mails: []MailsInHour{
			{Hour: hour("2026-03-02T05:00:00Z"), Country: pipeline.MX, Step: pipeline.Invite, Mails: 1}, // 23:00 of the 1st in Mexico City
			{Hour: hour("2026-03-02T06:00:00Z"), Country: pipeline.MX, Step: pipeline.Invite, Mails: 2},
			{Hour: hour("2026-03-03T05:00:00Z"), Country: pipeline.MX, Step: pipeline.Invite, Mails: 4},
			{Hour: hour("2026-03-03T05:00:00Z"), Country: pipeline.DO, Step: pipeline.Reminder, Mails: 8},
			{Hour: hour("2026-01-30T12:00:00Z"), Country: pipeline.MX, Step: pipeline.Invite, Mails: 16}, // too long ago
		},
		Troubles: []TroublesInHour{
			{Hour: hour("2026-03-02T06:00:00Z"), Outcome: pipeline.OutcomeFailed, Attempts: 1},
			{Hour: hour("2026-03-02T07:00:00Z"), Outcome: pipeline.OutcomeFailed, Attempts: 2},
			{Hour: hour("2026-03-03T05:00:00Z"), Outcome: pipeline.OutcomeHeld, Attempts: 3},
			{Hour: hour("2026-03-03T05:00:00Z"), Outcome: pipeline.OutcomeDoubt, Attempts: 4},
		},
	}
	zone, err := time.LoadLocation("America/Mexico_City")
	if err != nil {
		t.Fatal(err)
	}
	days := o.Days(zone, hour("2026-03-03T04:00:00Z")) // still the 2nd
	if len(days) != 30 || days[0].Start.Format(time.DateOnly) != "2026-02-01" || !days[29].Start.Equal(hour("2026-03-02T06:00:00Z")) {
		t.Fatalf("%d days from %s to %s", len(days), days[0].Start, days[29].Start)
	}
	yesterday, today := days[28], days[29]
	if yesterday.Mails[mx] != 1 || today.Mails[mx] != 6 || today.Mails[MailKind{pipeline.DO, pipeline.Reminder}] != 8 {
		t.Errorf("mails are %v and %v", yesterday.Mails, today.Mails)
	}
	if today.Failed != 3 || today.Held != 3 || today.Doubt != 4 || yesterday.Failed != 0 {
		t.Errorf("troubles are %+v", today)
	}
	// Where a day has no midnight, it is a day all the same.
	havana, err := time.LoadLocation("America/Havana")
	if err != nil {
		t.Fatal(err)
	}
	days = Overview{}.Days(havana, hour("2026-03-10T12:00:00Z"))
	for i, d := range days[1:] {
		if gap := d.Start.Sub(days[i].Start); gap < 22*time.Hour || gap > 26*time.Hour {
			t.Errorf("%s follows %s", d.Start, days[i].Start)
		}
	}
}
