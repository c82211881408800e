package app

import (
	"testing"
	"time"
)

func TestATroubleThatLastsIsSaidSeldom(t *testing.T) {
	var s seldom
	start := moment(t, "2026-03-02T18:00:00Z")
	for _, test := range []struct {
		name  string
		after time.Duration
		want  bool
	}{
		{"It is said at once.", 0, true},
		{"It is not repeated right away.", 2 * time.Second, false},
		{"Nor within a minute.", 59 * time.Second, false},
		{"After a minute it is said again.", time.Minute, true},
		{"And then the minute counts anew.", 90 * time.Second, false},
		{"A clock that was set back an hour keeps nobody quiet for an hour.", -time.Hour, true},
	} {
		if got := s.due(start.Add(test.after)); got != test.want {
			t.Errorf("%s said %v", test.name, got)
		}
	}
}
