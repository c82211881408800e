package main

import (
	"math"
	"testing"
)

func TestGoals(t *testing.T) {
	r := results{}
	r.add(nameAlta, sample{rate: 6000, cpu: 185, peak: 37, flat: 1})
	r.add(nameAlta, sample{rate: 3000, cpu: 195, peak: 39, flat: 1})
	r.add(nameGoMail, sample{rate: 4000})
	r.add(nameGoMail, sample{rate: 2000})
	r.add(nameShared, sample{rate: 4200})
	r.add(nameShared, sample{rate: 1500})
	r.add(nameFleetOne, sample{rate: 160})
	r.add(nameFleetThree, sample{rate: 384})
	r.add(nameLoop, sample{rate: 1000})
	r.add(nameImport, sample{wall: 31, peak: 64})
	find := func(what string) goal {
		t.Helper()
		for _, g := range r.goals(options{load: fullLoad(20_000)}) {
			if g.what == what {
				return g
			}
		}
		t.Fatalf("there is no goal %q", what)
		return goal{}
	}
	tests := []struct {
		sentence, what, found, wanted string
		met                           bool
	}{
		{"A ratio that is reached, though the machine was at half its speed in the second round.",
			"alta end to end ÷ go-mail alone", "1.50", "at least 1.00", true},
		{"A ratio that is not reached.", "alta end to end ÷ the straightforward loop", "6.00", "at least 8.00", false},
		{"The ledgers are compared within a round.", "alta end to end, the ledger on PostgreSQL ÷ on SQLite", "0.600 (0.500 to 0.700)", "at least 0.600", true},
		{"A fleet that does not grow as it should.", "50 ms of API latency, few connections each: three machines ÷ one", "2.40", "at least 2.50", false},
		{"A bound that is kept.", "alta's own CPU a mail", "190 (185 to 195)", "at most 260 us", true},
		{"A bound that is broken.", "import of a million rows", "31.0", "at most 30.0 s", false},
		{"A bound that is just kept.", "peak memory of that import", "64.0", "at most 64.0 MiB", true},
		{"What was not measured is no figure.", "a tick with nothing due", "-", "at most 5.00 ms", true},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			g := find(test.what)
			if g.found.String() != test.found || g.wanted() != test.wanted || g.met() != test.met {
				t.Errorf("%s, wanted %s, met: %t", g.found, g.wanted(), g.met())
			}
		})
	}
}

// A daemon that spends a millisecond each second, and 31 with a tick in it, has
// ticks of 30 ms; one of those every five minutes is 0.01 % of a core.
func TestIdleCountsTheTicksOfTheDefaultSchedule(t *testing.T) {
	r := results{}
	r.add(nameIdle, sample{core: 0.1})
	r.add(nameTick, sample{tickCPU: 31})
	if got := r.idle(); len(got) != 1 || math.Abs(got[0]-0.11) > 1e-9 {
		t.Errorf("%v %% of a core, want 0.11", []float64(got))
	}
}
