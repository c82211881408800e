package main

import (
	"fmt"
	"slices"
	"strings"
)

// The figures of a sample. Not every measurement has each of them.
const (
	rate     = "mails/s"
	cpu      = "us of CPU a mail"
	peak     = "MiB at most"
	flat     = "memory of the second half to the first"
	wall     = "s of the process"
	smtpBusy = "cores of the SMTP server"
	apiBusy  = "cores of the partner API"
	wireSize = "bytes a mail on the wire"
	took     = "ms"
	ehlo     = "ms to EHLO"
	rows     = "rows/s"
	core     = "% of a core"
	tickCPU  = "ms of CPU a second"
	tickTime = "ms a tick"
	slowest  = "ms at most"

	altaBusy   = "cores of alta"
	sharedBusy = "cores of PostgreSQL"
	sharedCPU  = "us of CPU of PostgreSQL a mail"
)

// sample is what one measurement of one round found, by figure.
type sample map[string]float64

// String is for the progress.
func (s sample) String() string {
	parts := make([]string, 0, len(s))
	for figure, value := range s {
		parts = append(parts, fmt.Sprintf("%s %s", number(value), figure))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// results are the samples of all rounds, by measurement and figure.
type results map[string]map[string]series

func (r results) add(measurement string, s sample) {
	if r[measurement] == nil {
		r[measurement] = map[string]series{}
	}
	for figure, value := range s {
		r[measurement][figure] = append(r[measurement][figure], value)
	}
}

// of returns a series, empty when it was not measured.
func (r results) of(measurement, figure string) series { return r[measurement][figure] }

// series is one figure in every round, in their order.
type series []float64

func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

func (s series) min() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

func (s series) max() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// over is the ratio of each round: two measurements of one round met the same
// machine, so that this says more than the ratio of two medians.
func (s series) over(t series) series {
	var ratios series
	for i := range min(len(s), len(t)) {
		if t[i] != 0 {
			ratios = append(ratios, s[i]/t[i])
		}
	}
	return ratios
}

// String is the median, with the least and the most when they differ.
func (s series) String() string {
	switch {
	case len(s) == 0:
		return "-"
	case number(s.min()) == number(s.max()):
		return number(s.median())
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.median()), number(s.min()), number(s.max()))
}
