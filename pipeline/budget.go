package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// Budget is the most links that are minted for one user within [BudgetDay]. Each
// is a session at the provider, and whatever goes wrong, a program that dies
// again and again for example, must not open them without end.
type Budget int

// BudgetDay is the time that a [Budget] is for: any 24 hours, not a calendar's day.
const BudgetDay = 24 * time.Hour

// CodeBudget is the [Fault.Code] of a user whose budget is spent.
const CodeBudget = "links_spent"

// Opens returns when the next link may be minted for a user, at now or later.
// mints are when links were minted, or may have been, in any order.
func (b Budget) Opens(mints []time.Time, now time.Time) time.Time {
	recent := slices.DeleteFunc(slices.Clone(mints), func(at time.Time) bool { return !at.Add(BudgetDay).After(now) })
	if len(recent) < int(b) {
		return now
	}
	slices.SortFunc(recent, time.Time.Compare)
	return recent[len(recent)-int(b)].Add(BudgetDay)
}

// spent puts a mail off until the budget opens, at no cost to the user.
func (b Budget) spent(mints []time.Time, now time.Time) error {
	if opens := b.Opens(mints, now); opens.After(now) {
		return b.fault(opens, now)
	}
	return nil
}

func (b Budget) fault(opens, now time.Time) *Fault {
	return &Fault{
		Kind: Retry, Free: true, Code: CodeBudget, After: opens.Sub(now),
		Reason: fmt.Sprintf("%d links were minted for this user within 24 hours, or may have been, which is all that plan.max_links allows; "+
			"the next may be minted at %s UTC", b, opens.UTC().Format("2006-01-02 15:04")),
	}
}
