package app

import (
	"context"
	"errors"

	"alta/pipeline"
)

// right is the right to make runs on a ledger: of the one process that has it,
// where it is a file, or of a machine of the fleet that shares it.
type right interface {
	run(ctx context.Context, p pass) (report pipeline.Report, err error)
	// give gives the right back, once what is on the wire is recorded.
	give(ctx context.Context) error
}

// takeRight takes the right to make runs. Where another process has it alone, the
// error wraps [store.ErrLocked] and says which.
func (e *engine) takeRight(ctx context.Context) (right, error) {
	if shared, ok := e.store.(sharedLedger); ok {
		m, err := e.join(ctx, shared, nil)
		if err != nil {
			return nil, err
		}
		return oneOfMany{m}, nil
	}
	release, err := e.store.hold(ctx, true)
	if err != nil {
		return nil, err
	}
	return alone{e, release}, nil
}

// alone has the ledger's lock.
type alone struct {
	*engine
	release func() error
}

func (a alone) give(context.Context) error { return a.release() }

// oneOfMany is a machine of the fleet for as long as it has the right.
type oneOfMany struct{ *machine }

func (o oneOfMany) give(ctx context.Context) error { return o.member.Leave(context.WithoutCancel(ctx)) }

// giveBack gives the right back and joins what that met to err.
func giveBack(ctx context.Context, r right, err *error) {
	*err = errors.Join(*err, r.give(context.WithoutCancel(ctx)))
}

// runHeld makes a run for a caller who has the ledger's lock, where it has one.
func (e *engine) runHeld(ctx context.Context, p pass) (report pipeline.Report, err error) {
	if _, shared := e.store.(sharedLedger); !shared {
		return e.run(ctx, p)
	}
	r, err := e.takeRight(ctx)
	if err != nil {
		return report, err
	}
	defer giveBack(ctx, r, &err)
	return r.run(ctx, p)
}
