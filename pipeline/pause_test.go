package pipeline_test

import (
	"testing"
	"time"

	"alta/pipeline"
)

func TestPauseRipe(t *testing.T) {
	for _, c := range []struct {
		name  string
		probe time.Duration // from now on
		want  bool
	}{
		{"Its time has come.", 0, true},
		{"Its time came long ago.", -240 * time.Hour, true},
		{"It lasts for another moment.", time.Millisecond, false},
		{"It lasts for an hour, as long as any may.", time.Hour, false},
		{"A clock that was set back a little makes it no longer than it may be.", time.Hour + time.Minute, false},
		{"A clock that was set back further does, so it was met while the clock was ahead.", time.Hour + time.Minute + time.Millisecond, true},
		{"An hour back, right after it was met.", 2 * time.Hour, true},
		{"A day back.", 24 * time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (pipeline.Pause{ProbeAt: ten.Add(c.probe)}).Ripe(ten); got != c.want {
				t.Errorf("Ripe = %v, want %v", got, c.want)
			}
		})
	}
}
