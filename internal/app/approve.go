package app

import (
	"context"
	"fmt"
	"time"

	"alta/pipeline"
)

// approved is the answer to a yes that another process acts on.
type approved struct {
	Due      int       `json:"due"`
	Approved int       `json:"approved"` // mails that may go
	Until    time.Time `json:"until"`
}

// approve leaves an operator's yes to the process that has the lock. locked says
// which one that is.
func (a *app) approve(ctx context.Context, s ledger, limit int, asJSON bool, locked error) error {
	if limit > 0 {
		return usage("--limit is for a run of its own, and %w", locked)
	}
	now := a.now()
	o, err := outlook(ctx, s, 0, now)
	if err != nil {
		return err
	}
	if a.config.Guard.Guard().Judge(o).WhyNot == "" {
		return fmt.Errorf("%w; nothing waits for a yes, and if that is 'alta serve', it makes this run by itself", locked)
	}
	yes := pipeline.Approve(o.Due, now)
	if err := s.Approve(ctx, yes, a.act("")); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(approved{Due: yes.Due, Approved: yes.Mails, Until: yes.EndsAt.UTC().Truncate(time.Second)})
	}
	_, err = fmt.Fprintf(a.out, "Approved: %d mails are due, and up to %d may go until %s UTC. Another alta has the ledger: 'alta serve' begins within\n"+
		"seconds, once the run under way has ended. Follow with 'alta status'.\n", yes.Due, yes.Mails, minute(yes.EndsAt.UTC()))
	return err
}
