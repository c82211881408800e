package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

func TestBusiest(t *testing.T) {
	stack := func(n int64, names ...string) *profile.Sample {
		s := &profile.Sample{Value: []int64{n, 10 * n}}
		for _, name := range names {
			s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		return s
	}
	profiles := []*profile.Profile{
		{Sample: []*profile.Sample{stack(5, "write", "send", "run"), stack(1, "send", "run")}},
		{Sample: []*profile.Sample{stack(2, "walk", "walk", "walk", "run"), stack(2, "run")}},
	}
	want := []function{{"write", 0.5, 0.5}, {"run", 0.2, 1}, {"walk", 0.2, 0.2}, {"send", 0.1, 0.6}}
	if diff := cmp.Diff(want, busiest(profiles), cmp.AllowUnexported(function{})); diff != "" {
		t.Error(diff)
	}
	if got := busiest(nil); got != nil {
		t.Errorf("of no profile: %v", got)
	}
}
