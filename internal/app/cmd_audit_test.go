package app

import (
	"testing"
	"time"
)

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		it, text string
		want     time.Time
		bad      bool
	}{
		{"nothing is from the beginning", "", time.Time{}, false},
		{"so long ago", "36h", now.Add(-36 * time.Hour), false},
		{"a day begins at midnight UTC", "2026-03-01", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), false},
		{"a moment has its zone", "2026-03-01T18:00:00-06:00", time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), false},
		{"nobody asks for what is to come by mistake", "-36h", time.Time{}, true},
		{"a word is none", "yesterday", time.Time{}, true},
		{"a day that is not there is none", "2026-02-30", time.Time{}, true},
	} {
		t.Run(test.it, func(t *testing.T) {
			got, err := parseSince(test.text, now)
			if !got.Equal(test.want) || (err != nil) != test.bad || err != nil && exitStatus(err) != exitUsage {
				t.Errorf("%q is %s (%v), want %s", test.text, got, err, test.want)
			}
		})
	}
}
