package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// times returns n runs that sent so many mails each.
func times(n, sent int) []int { return slices.Repeat([]int{sent}, n) }

func TestGuardJudge(t *testing.T) {
	standard := pipeline.Guard{Mails: 1000, Times: 10}
	yes := pipeline.Approve(5000, ten)
	for _, test := range []struct {
		name    string
		guard   pipeline.Guard
		outlook pipeline.Outlook
		want    pipeline.Allowance // a WhyNot is part of the sentence
	}{
		{"a first campaign has any size", standard,
			pipeline.Outlook{Due: 500_000}, pipeline.Allowance{}},
		{"two runs make nothing usual", standard,
			pipeline.Outlook{Due: 500_000, Sent: times(2, 1)}, pipeline.Allowance{}},
		{"three do", standard,
			pipeline.Outlook{Due: 500_000, Sent: times(3, 1)}, pipeline.Allowance{WhyNot: "would mail 500000 users, and the last 3 runs that mailed sent 1 in the median"}},
		{"a thousand always go", standard,
			pipeline.Outlook{Due: 1000, Sent: times(10, 1)}, pipeline.Allowance{Most: 1000}},
		{"one more is far more than usual", standard,
			pipeline.Outlook{Due: 1001, Sent: times(10, 100)}, pipeline.Allowance{WhyNot: "would mail 1001 users"}},
		{"ten times the usual goes", standard,
			pipeline.Outlook{Due: 1010, Sent: times(10, 101)}, pipeline.Allowance{Most: 1010}},
		{"one more does not", standard,
			pipeline.Outlook{Due: 1011, Sent: times(10, 101)}, pipeline.Allowance{WhyNot: "sent 101 in the median"}},
		{"a run of nothing may go, and is bounded", standard,
			pipeline.Outlook{Sent: times(10, 1)}, pipeline.Allowance{Most: 1000}},
		{"the order of the runs does not matter, and neither does one that was large", standard,
			pipeline.Outlook{Due: 1001, Sent: []int{20_000, 3, 1}}, pipeline.Allowance{WhyNot: "sent 3 in the median"}},
		{"the median of an even number is the mean of the two in the middle", standard,
			pipeline.Outlook{Due: 1006, Sent: []int{1, 100, 101, 900}}, pipeline.Allowance{WhyNot: "sent 100.5 in the median"}},
		{"and ten times that half counts", standard,
			pipeline.Outlook{Due: 1005, Sent: []int{900, 101, 100, 1}}, pipeline.Allowance{Most: 1005}},
		{"an approval lets as many go as were due, and a tenth more", standard,
			pipeline.Outlook{Due: 5500, Sent: times(10, 1), Approval: yes}, pipeline.Allowance{Most: 5500, Approved: true}},
		{"it lets no more go", standard,
			pipeline.Outlook{Due: 5501, Sent: times(10, 1), Approval: yes}, pipeline.Allowance{WhyNot: "(the latest yes is for 5500 more)"}},
		{"nobody spends an approval that is not needed", standard,
			pipeline.Outlook{Due: 900, Sent: times(10, 1), Approval: yes}, pipeline.Allowance{Most: 1000}},
		{"an approval that is used up allows nothing", standard,
			pipeline.Outlook{Due: 1001, Sent: times(10, 1), Approval: pipeline.Approval{Due: 5000}}, pipeline.Allowance{WhyNot: "'alta run --yes' lets it go"}},
		{"the guard can be turned off", pipeline.Guard{Mails: 0, Times: 10},
			pipeline.Outlook{Due: 500_000, Sent: times(10, 1)}, pipeline.Allowance{}},
		{"both bounds are settings", pipeline.Guard{Mails: 5, Times: 2},
			pipeline.Outlook{Due: 7, Sent: times(3, 3)}, pipeline.Allowance{WhyNot: "would mail 7 users"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.guard.Judge(test.outlook)
			if !strings.Contains(got.WhyNot, test.want.WhyNot) || (got.WhyNot == "") != (test.want.WhyNot == "") {
				t.Errorf("it says %q, want %q", got.WhyNot, test.want.WhyNot)
			}
			if got.Most != test.want.Most || got.Approved != test.want.Approved {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAnApprovalIsForAnHourAndATenthMore(t *testing.T) {
	want := pipeline.Approval{Due: 12_401, Mails: 13_642, GivenAt: ten, EndsAt: ten.Add(time.Hour)}
	if got := pipeline.Approve(12_401, ten); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Whatever happened before: the guard never stops a run of guard.mails or fewer,
// nor one that is usual or approved, and none that it lets go can grow past what
// it was judged by.
func TestGuardHoldsItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		guard := pipeline.Guard{Mails: rapid.IntRange(1, 5000).Draw(t, "mails"), Times: rapid.IntRange(1, 100).Draw(t, "times")}
		o := pipeline.Outlook{
			Due:  rapid.IntRange(0, 20_000).Draw(t, "due"),
			Sent: rapid.SliceOfN(rapid.IntRange(1, 2000), 0, pipeline.GuardRuns).Draw(t, "sent"),
		}
		if rapid.Bool().Draw(t, "approved") {
			o.Approval = pipeline.Approve(rapid.IntRange(1, 20_000).Draw(t, "due then"), ten)
		}
		few := 0 // runs that sent too few for this one to be usual
		for _, sent := range o.Sent {
			if o.Due > guard.Times*sent {
				few++
			}
		}
		needsNone := o.Due <= guard.Mails || len(o.Sent) < 3 || o.Due <= o.Approval.Mails

		switch got := guard.Judge(o); {
		case got.WhyNot != "" && (needsNone || 2*few < len(o.Sent)):
			t.Fatalf("stopped: %+v", got)
		case got.WhyNot != "" && got.Most != 0:
			t.Fatalf("stopped, and may pull all the same: %+v", got)
		case got.WhyNot == "" && !needsNone && 2*few > len(o.Sent)+1:
			t.Fatalf("went: %+v", got)
		case got.WhyNot == "" && len(o.Sent) >= 3 && got.Most < o.Due:
			t.Fatalf("went, and may not go to its end: %+v", got)
		case got.WhyNot == "" && len(o.Sent) >= 3 && got.Most > max(guard.Mails, guard.Times*slices.Max(o.Sent), o.Approval.Mails):
			t.Fatalf("went, and may grow past every bound: %+v", got)
		}
	})
}
