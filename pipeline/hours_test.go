package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

func TestParseHoursAccepts(t *testing.T) {
	for _, c := range []struct {
		name, in      string
		opens, closes string // a moment that is inside, and the first one that is not; on a day in UTC
	}{
		{"The usual hours.", "09:00-20:00", "2026-03-02T09:00:00Z", "2026-03-02T20:00:00Z"},
		{"The end may be midnight.", "08:00-24:00", "2026-03-02T23:59:59.999999999Z", "2026-03-03T00:00:00Z"},
		{"A minute is enough.", "00:00-00:01", "2026-03-02T00:00:00Z", "2026-03-02T00:01:00Z"},
		{"Minutes count.", "09:15-09:45", "2026-03-02T09:44:59Z", "2026-03-02T09:45:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := pipeline.ParseHours(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if opens := moment(c.opens); !h.Next(opens, time.UTC).Equal(opens) {
				t.Errorf("%s is not inside %s", c.opens, c.in)
			}
			if closes := moment(c.closes); !h.Next(closes, time.UTC).After(closes) {
				t.Errorf("%s is inside %s", c.closes, c.in)
			}
		})
	}
}

func TestParseHoursEmptyIsAnyTime(t *testing.T) {
	h, err := pipeline.ParseHours("")
	if err != nil {
		t.Fatal(err)
	}
	night := moment("2026-03-02T03:33:33.000000001Z")
	if got := h.Next(night, time.UTC); got != night {
		t.Errorf("Next = %v, want the time that went in", got)
	}
}

func TestParseHoursRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"A sign is no digit.", "+9:00-20:00", "want \"HH:MM-HH:MM\""},
		{"A minus zero neither.", "-0:00-20:00", "want \"HH:MM-HH:MM\""},
		{"A space is no digit.", " 9:00-20:00", "want \"HH:MM-HH:MM\""},
		{"The hour has two digits.", "9:00-20:00", "want \"HH:MM-HH:MM\""},
		{"A short hour is not made up for by a long minute.", "9:00-20:000", "want \"HH:MM-HH:MM\""},
		{"The day has no 25 hours.", "25:00-26:00", "want \"HH:MM-HH:MM\""},
		{"The hour has no 60 minutes.", "09:60-20:00", "want \"HH:MM-HH:MM\""},
		{"The day ends at 24:00.", "09:00-24:01", "want \"HH:MM-HH:MM\""},
		{"Seconds are not understood.", "09:00:00-20:00:00", "want \"HH:MM-HH:MM\""},
		{"Half of it is missing.", "09:00", "want \"HH:MM-HH:MM\""},
		{"The end is missing.", "09:00-", "want \"HH:MM-HH:MM\""},
		{"There is one end too many.", "09:00-12:00-20:00", "want \"HH:MM-HH:MM\""},
		{"Spaces around the dash.", "09:00 - 20:00", "want \"HH:MM-HH:MM\""},
		{"Digits of another script.", "٠٩:٠٠-٢٠:٠٠", "want \"HH:MM-HH:MM\""},
		{"Words.", "always", "want \"HH:MM-HH:MM\""},
		{"They end before they begin.", "20:00-09:00", "must end after they begin"},
		{"They end as they begin.", "09:00-09:00", "must end after they begin"},
		{"They begin as the day ends.", "24:00-24:00", "must end after they begin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pipeline.ParseHours(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ParseHours(%q) = %v, want an error that says %q", c.in, err, c.want)
			}
		})
	}
}

func TestHoursNext(t *testing.T) {
	for _, c := range []struct{ name, hours, zone, at, want string }{
		{"Inside the hours nothing moves.", "09:00-20:00", "America/Mexico_City", "2026-03-02T12:34:56.789-06:00", "2026-03-02T12:34:56.789-06:00"},
		{"The opening belongs to the hours.", "09:00-20:00", "America/Mexico_City", "2026-03-02T09:00:00-06:00", "2026-03-02T09:00:00-06:00"},
		{"Before the opening it is the same day.", "09:00-20:00", "America/Mexico_City", "2026-03-02T08:59:59.999999999-06:00", "2026-03-02T09:00:00-06:00"},
		{"The closing is outside, so it is the next day.", "09:00-20:00", "America/Mexico_City", "2026-03-02T20:00:00-06:00", "2026-03-03T09:00:00-06:00"},
		{"The next day may be in the next year.", "09:00-20:00", "America/Mexico_City", "2026-12-31T21:00:00-06:00", "2027-01-01T09:00:00-06:00"},
		{"The day is the user's own, not UTC's.", "09:00-20:00", "America/Santo_Domingo", "2026-03-03T01:00:00Z", "2026-03-03T09:00:00-04:00"},

		{"Spring: the night is an hour shorter.", "09:00-20:00", "America/Tijuana", "2026-03-07T21:00:00-08:00", "2026-03-08T09:00:00-07:00"},
		{"Spring: hours that open inside the gap open after it.", "02:30-05:00", "America/Tijuana", "2026-03-08T01:00:00-08:00", "2026-03-08T03:00:00-07:00"},
		{"Spring: hours that open as the gap begins open after it.", "02:00-05:00", "America/Tijuana", "2026-03-08T01:59:59-08:00", "2026-03-08T03:00:00-07:00"},
		{"Spring: hours that open as the gap ends are not moved.", "03:00-05:00", "America/Tijuana", "2026-03-08T01:00:00-08:00", "2026-03-08T03:00:00-07:00"},
		{"Spring: hours that the gap swallows do not come that day.", "02:00-02:45", "America/Tijuana", "2026-03-08T01:00:00-08:00", "2026-03-09T02:00:00-07:00"},
		{"Spring: hours that reach just past the gap are short.", "02:30-03:20", "America/Tijuana", "2026-03-08T03:20:00-07:00", "2026-03-09T02:30:00-07:00"},
		{"Spring: hours that end inside the gap end as it begins.", "00:00-02:30", "America/Tijuana", "2026-03-08T03:00:00-07:00", "2026-03-09T00:00:00-07:00"},
		{"Spring: the day after is an ordinary one.", "09:00-20:00", "America/Tijuana", "2026-03-08T20:00:00-07:00", "2026-03-09T09:00:00-07:00"},

		{"Autumn: the night is an hour longer.", "09:00-20:00", "America/Tijuana", "2026-10-31T21:00:00-07:00", "2026-11-01T09:00:00-08:00"},
		{"Autumn: the first of two openings is the one.", "01:30-01:45", "America/Tijuana", "2026-11-01T00:00:00-07:00", "2026-11-01T01:30:00-07:00"},
		{"Autumn: after the first closing the hours come again.", "01:30-01:45", "America/Tijuana", "2026-11-01T01:50:00-07:00", "2026-11-01T01:30:00-08:00"},
		{"Autumn: before the second opening it is never moved back to the first.", "01:30-01:45", "America/Tijuana", "2026-11-01T01:10:00-08:00", "2026-11-01T01:30:00-08:00"},
		{"Autumn: after the second closing it is the next day.", "01:30-01:45", "America/Tijuana", "2026-11-01T01:50:00-08:00", "2026-11-02T01:30:00-08:00"},
		{"Autumn: hours that ended go on when the clock goes back into them.", "00:00-01:30", "America/Tijuana", "2026-11-01T01:40:00-07:00", "2026-11-01T01:00:00-08:00"},
		{"Autumn: the repeated hour is inside.", "01:00-20:00", "America/Tijuana", "2026-11-01T01:15:00-08:00", "2026-11-01T01:15:00-08:00"},

		{"Tijuana, spring 2027: the night is an hour shorter.", "09:00-20:00", "America/Tijuana", "2027-03-13T21:00:00-08:00", "2027-03-14T09:00:00-07:00"},
		{"Tijuana, spring 2027: hours that the gap swallows do not come that day.", "02:00-02:45", "America/Tijuana", "2027-03-14T01:00:00-08:00", "2027-03-15T02:00:00-07:00"},
		{"Tijuana, autumn 2027: the night is an hour longer.", "09:00-20:00", "America/Tijuana", "2027-11-06T21:00:00-07:00", "2027-11-07T09:00:00-08:00"},
		{"Tijuana, autumn 2027: after the first closing the hours come again.", "01:30-01:45", "America/Tijuana", "2027-11-07T01:50:00-07:00", "2027-11-07T01:30:00-08:00"},

		{"Hermosillo has no change in spring.", "02:30-05:00", "America/Hermosillo", "2026-03-08T01:00:00-07:00", "2026-03-08T02:30:00-07:00"},
		{"Hermosillo has no change in autumn.", "01:30-01:45", "America/Hermosillo", "2026-11-01T01:50:00-07:00", "2026-11-02T01:30:00-07:00"},
		{"Mexico City has no change in spring.", "09:00-20:00", "America/Mexico_City", "2026-04-04T21:00:00-06:00", "2026-04-05T09:00:00-06:00"},
		{"Mexico City has no change in autumn.", "09:00-20:00", "America/Mexico_City", "2026-10-24T21:00:00-06:00", "2026-10-25T09:00:00-06:00"},
		{"Santo Domingo has no change in spring.", "02:30-05:00", "America/Santo_Domingo", "2026-03-08T01:00:00-04:00", "2026-03-08T02:30:00-04:00"},
		{"Santo Domingo has no change in autumn.", "01:30-01:45", "America/Santo_Domingo", "2026-11-01T01:50:00-04:00", "2026-11-02T01:30:00-04:00"},
		{"Where midnight is skipped, the day begins at one.", "00:00-06:00", "America/Santiago", "2026-09-05T23:59:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"Where midnight is skipped, hours that end at midnight wait for the evening.", "22:00-24:00", "America/Santiago", "2026-09-06T01:00:00-03:00", "2026-09-06T22:00:00-03:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := hours(t, c.hours).Next(moment(c.at), zone(t, c.zone))
			if want := moment(c.want); !got.Equal(want) {
				t.Errorf("Next = %s, want %s", got.In(zone(t, c.zone)).Format(time.RFC3339Nano), c.want)
			}
		})
	}
}

// Around the changes of a clock, and where there are none, no earlier minute
// lies within the hours.
func TestHoursNextIsTheFirst(t *testing.T) {
	for _, name := range []string{"America/Tijuana", "America/Santiago", "America/Hermosillo", "America/Santo_Domingo"} {
		loc := zone(t, name)
		for _, day := range []string{"2026-03-07T12:00:00Z", "2026-10-31T12:00:00Z", "2027-03-13T12:00:00Z", "2027-11-06T12:00:00Z", "2026-09-05T12:00:00Z"} {
			for _, text := range []string{"09:00-20:00", "00:00-24:00", "02:00-02:45", "02:30-03:20", "01:30-01:45", "00:00-00:30", "22:00-24:00", "03:00-05:00"} {
				h := hours(t, text)
				for minutes := 0; minutes < 36*60; minutes += 97 {
					at := moment(day).Add(time.Duration(minutes) * time.Minute)
					want := at
					for !inside(text, want.In(loc)) {
						want = want.Add(time.Minute)
					}
					if got := h.Next(at, loc); !got.Equal(want) {
						t.Errorf("%s: Next of %v is %v, want %v", text, at.In(loc), got.In(loc), want.In(loc))
					}
				}
			}
		}
	}
}

// FuzzParseHours looks for text that panics and for hours whose Next breaks its
// promise: never earlier, always inside, and it stays where it is.
func FuzzParseHours(f *testing.F) {
	for _, s := range []string{"", "09:00-20:00", "+9:00-20:00", "25:00-26:00", "20:00-09:00", "00:00-24:00", "02:30-02:45", "01:30-01:45"} {
		f.Add(s, int64(1772964000)) // Tijuana, spring 2026
		f.Add(s, int64(1793521800)) // Tijuana, autumn 2026
	}
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		h, err := pipeline.ParseHours(s)
		if err != nil || s == "" {
			return
		}
		// Years 1970 to 2100, which hold every kind of rule of a zone.
		at := time.Unix(unix&0xFFFFFFFF, 0)
		for _, name := range []string{"America/Tijuana", "America/Mexico_City", "America/Santiago", "America/Santo_Domingo", "UTC"} {
			loc := zone(t, name)
			next := h.Next(at, loc)
			if next.Before(at) {
				t.Errorf("%s: Next of %v is earlier: %v", name, at, next)
			}
			if !inside(s, next.In(loc)) {
				t.Errorf("%s: Next of %v is outside %s: %v", name, at, s, next.In(loc))
			}
			if again := h.Next(next, loc); !again.Equal(next) {
				t.Errorf("%s: Next moved on from %v to %v", name, next, again)
			}
			if inside(s, at.In(loc)) && !next.Equal(at) {
				t.Errorf("%s: %v is inside %s and was moved to %v", name, at.In(loc), s, next)
			}
		}
	})
}

// inside is told from the text of the clock alone, unlike [pipeline.Hours].
func inside(hours string, local time.Time) bool {
	clock := local.Format("15:04")
	return hours == "" || hours[:5] <= clock && clock < hours[6:]
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
