package app

import (
	"context"

	"alta/internal/fleet"
	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// conductor makes runs go for the operator's page. It implements [web.Runner].
type conductor struct{ *engine }

// TryNow implements [web.Runner]. Without an outage a run begins all the same.
func (c conductor) TryNow(ctx context.Context, by web.Act) error {
	if _, err := c.store.ProbeNow(ctx, actOf(by), c.now()); err != nil {
		return err
	}
	return c.beginRun(ctx, store.ByCommand)
}

// Approve implements [web.Runner]. The approval is for what is due now, which the
// operator has seen, or less.
func (c conductor) Approve(ctx context.Context, due int, by web.Act) (ok bool, err error) {
	now := c.now()
	o, err := outlook(ctx, c.store, 0, now)
	if err != nil || o.Due > due || c.config.Guard.Guard().Judge(o).WhyNot == "" {
		return false, err
	}
	if err := c.store.Approve(ctx, pipeline.Approve(o.Due, now), actOf(by)); err != nil {
		return false, err
	}
	return true, c.beginRun(ctx, store.ByCommand)
}

// beginRun has the fleet, or this daemon, begin a run. It does not wait for it. The
// daemon looks for resends by itself every few seconds.
func (e *engine) beginRun(ctx context.Context, by store.Trigger) error {
	if shared, ok := e.store.(sharedLedger); ok {
		_, err := fleet.Ask(ctx, shared.Store, by, 0)
		return err
	}
	if by == store.ByResend {
		return nil
	}
	select {
	case e.wake <- by:
	default: // somebody has asked already, and gets the same run
	}
	return nil
}
