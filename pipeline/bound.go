package pipeline

import (
	"context"
	"time"
)

// Bound makes a ledger yield at most most deliveries that no operator asked
// for, so that a run which the [Guard] let go can't grow while it goes on. The
// ledger comes twice: as it is, and narrowed to what operators asked for, which
// is never bounded. One goroutine pulls.
func Bound(everything, operators Puller, most int) Puller {
	return &bound{everything, operators, most}
}

type bound struct {
	everything, operators Puller
	left                  int
}

// Pull implements [Puller].
func (b *bound) Pull(ctx context.Context, now time.Time, n int) (Batch, error) {
	if b.left <= 0 {
		return b.operators.Pull(ctx, now, n)
	}
	batch, err := b.everything.Pull(ctx, now, min(n, b.left))
	for i := range batch.Deliveries {
		if !batch.Deliveries[i].Operator {
			b.left--
		}
	}
	return batch, err
}
