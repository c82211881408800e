package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeries(t *testing.T) {
	tests := []struct {
		sentence         string
		s                series
		median, min, max float64
		text             string
	}{
		{"Nothing was measured.", nil, 0, 0, 0, "-"},
		{"One round says it all.", series{7}, 7, 7, 7, "7.00"},
		{"Of an odd number the middle one counts.", series{9, 1, 2}, 2, 1, 9, "2.00 (1.00 to 9.00)"},
		{"Of an even number the two in the middle.", series{4, 1, 2, 9}, 3, 1, 9, "3.00 (1.00 to 9.00)"},
		{"What can't be told apart is one figure.", series{10000, 10000.25}, 10000.125, 10000, 10000.25, "10,000"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			before := append(series(nil), test.s...)
			if test.s.median() != test.median || test.s.min() != test.min || test.s.max() != test.max || test.s.String() != test.text {
				t.Errorf("%g, %g to %g, %q", test.s.median(), test.s.min(), test.s.max(), test.s.String())
			}
			if d := cmp.Diff(before, test.s); d != "" {
				t.Errorf("the rounds changed their order: %s", d)
			}
		})
	}
}

func TestRatiosArePaired(t *testing.T) {
	tests := []struct {
		sentence   string
		s, t, want series
	}{
		{"Each round has its own ratio, whatever else the machine did in it.", series{10, 2}, series{5, 1}, series{2, 2}},
		{"A round that lacks one of the two has none.", series{10, 2}, series{5}, series{2}},
		{"Nothing is divided by nothing.", series{10, 2}, series{0, 1}, series{2}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if d := cmp.Diff(test.want, test.s.over(test.t)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00021: "0.000210", 0.2: "0.200", 1.234: "1.23", 12.345: "12.3", 123.4: "123", 1234.5: "1,234",
		1234567: "1,234,567", -1234: "-1,234", -0.5: "-0.500", 100: "100", 999.9: "1,000", 1e-9: "0.000000",
	} {
		if got := number(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
}

func TestFlatness(t *testing.T) {
	steady, growing := make([]int64, 40), make([]int64, 40)
	for i := range steady {
		steady[i], growing[i] = 100, int64(100+i)
	}
	tests := []struct {
		sentence string
		sizes    []int64
		want     float64
	}{
		{"What stays the same is flat.", steady, 1},
		{"What grows is seen by its second half.", growing, 139.0 / 119},
		{"A few samples tell nothing.", steady[:5], 0},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := flatness(test.sizes); got != test.want {
				t.Errorf("%g, want %g", got, test.want)
			}
		})
	}
}
