package pipeline_test

import (
	"testing"
	"time"

	"alta/pipeline"
)

func TestBudgetOpens(t *testing.T) {
	ago := func(ages ...time.Duration) (mints []time.Time) {
		for _, age := range ages {
			mints = append(mints, ten.Add(-age))
		}
		return mints
	}
	for _, c := range []struct {
		name   string
		budget pipeline.Budget
		mints  []time.Time
		in     time.Duration
	}{
		{"Whoever had no link may have one.", 1, nil, 0},
		{"A budget of two has room for a second.", 2, ago(time.Hour), 0},
		{"One that is spent opens a day after the link.", 1, ago(time.Hour), 23 * time.Hour},
		{"It opens with the first of the latest two, in whichever order they come.", 2, ago(3*time.Hour, 20*time.Hour, 5*time.Hour), 19 * time.Hour},
		{"A link of a day ago counts no more.", 1, ago(24 * time.Hour), 0},
		{"One of a moment less than a day ago counts for that moment.", 1, ago(24*time.Hour - time.Second), time.Second},
		{"A link minted ahead of the clock counts.", 1, ago(-time.Minute), 24*time.Hour + time.Minute},
		{"Where the budget was lowered, the latest ones count.", 1, ago(10*time.Hour, 9*time.Hour), 15 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.budget.Opens(c.mints, ten).Sub(ten); got != c.in {
				t.Errorf("opens in %v, want %v", got, c.in)
			}
		})
	}
}

func TestIssueKeepsTheBudget(t *testing.T) {
	m := &mint{now: ten}
	issue := pipeline.Issue(m, 2, m.clock, 24*time.Hour, time.Hour)
	d := invite()
	d.Mints = []time.Time{ten.Add(-time.Hour), ten.Add(-2 * time.Hour)}

	err := issue(t.Context(), d)
	f := pipeline.AsFault(err)
	if f.Kind != pipeline.Retry || !f.Free || f.Code != pipeline.CodeBudget || f.After != 22*time.Hour {
		t.Errorf("fault %+v, want a free retry in 22 hours", f)
	}
	if m.calls != 0 {
		t.Errorf("the partner was asked %d times", m.calls)
	}
	// Neither a link that still works nor one that is in doubt costs a mint.
	d.Link = link("https://kyc.example/old", ten)
	if err := issue(t.Context(), d); err != nil {
		t.Error(err)
	}
	d.Mints = d.Mints[1:]
	d.Link = pipeline.Link{}
	if err := issue(t.Context(), d); err != nil || m.calls != 1 {
		t.Errorf("error %v after %d calls, want a link", err, m.calls)
	}
}
