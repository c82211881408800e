package pipeline

import (
	"context"
	"errors"
)

// Keeper makes a fresh link durable.
type Keeper interface {
	// Keep commits the delivery's link as the user's current one, with which
	// every older one is superseded, and sets its ID. A [Fault] says why the
	// link must not be mailed.
	Keep(ctx context.Context, d *Delivery) error
}

// Keep commits a fresh link before anything is made of it, so that a process
// that dies later finds it again instead of minting another. A link that could
// not be kept is given up, and its mint counts as doubtful.
func Keep(ledger Keeper) Stage {
	return func(ctx context.Context, d *Delivery) error {
		if d.Link.ID != 0 {
			return nil
		}
		err := ledger.Keep(context.WithoutCancel(ctx), d)
		if err == nil {
			return nil
		}
		d.Link = Link{}
		f, classified := errors.AsType[*Fault](err)
		if !classified {
			f = unwritable(err)
		}
		lost := *f
		lost.Doubtful = true
		return &lost
	}
}
