package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/pprof/profile"
)

// mostFunctions is how many functions the table of the profile names.
const mostFunctions = 20

// function is one of the program, with its part of all samples.
type function struct {
	name  string
	own   float64 // without what it calls
	whole float64 // with it
}

// busiest returns the functions that most of the samples were taken in, over all
// profiles. What runs in SQLite, or in the kernel, counts for the function of Go
// that went there: the profiler of Go sees no further.
func busiest(profiles []*profile.Profile) []function {
	own, whole, total := map[string]int64{}, map[string]int64{}, int64(0)
	for _, p := range profiles {
		for _, s := range p.Sample {
			n := s.Value[0]
			total += n
			seen := map[string]bool{} // a function that calls itself counts once
			for depth, f := range framesOf(s) {
				if depth == 0 {
					own[f.function] += n
				}
				if !seen[f.function] {
					seen[f.function] = true
					whole[f.function] += n
				}
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(own), func(a, b string) int {
		return cmp.Or(cmp.Compare(own[b], own[a]), cmp.Compare(a, b))
	})
	var out []function
	for _, name := range names[:min(len(names), mostFunctions)] {
		out = append(out, function{name, float64(own[name]) / float64(total), float64(whole[name]) / float64(total)})
	}
	return out
}
