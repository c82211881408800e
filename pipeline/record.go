package pipeline

import (
	"context"
	"time"
)

// Recorder writes verdicts down.
type Recorder interface {
	// Record commits, in one transaction, what became of the delivery, the
	// attempt and the user's next delivery.
	Record(ctx context.Context, d *Delivery, v Verdict, now time.Time) error
}

// Deliver handles one claimed delivery to its end and returns the verdict that
// was written down. Its error is the ledger's: the verdict may be lost.
type Deliver func(context.Context, *Delivery) (Verdict, error)

// recordLimit bounds the wait for the ledger after an attempt.
const recordLimit = 30 * time.Second

// Record runs the stages on a delivery and writes down what came of it, on
// failure too. A delivery that is handed over after ctx ended is put back; one
// that has begun is brought to its end, so that a mail sent during a shutdown
// is still recorded.
func Record(ledger Recorder, plan Plan, now Clock, stages Stage) Deliver {
	return func(ctx context.Context, d *Delivery) (Verdict, error) {
		v, at := judge(ctx, d, plan, now, stages)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
		defer cancel()
		return v, ledger.Record(ctx, d, v, at)
	}
}

// judge runs the stages, unless the delivery has to wait, and returns the
// verdict and the one moment that both it and the ledger go by.
func judge(ctx context.Context, d *Delivery, plan Plan, now Clock, stages Stage) (Verdict, time.Time) {
	at := now()
	if ctx.Err() != nil {
		return PutBack(d, d.DueAt, "", ""), at
	}
	if until, wait := plan.Defer(d, at); wait {
		return PutBack(d, until, "sending_hours", "it is outside the sending hours where the user lives"), at
	}
	had := d.Link
	err := recovered(context.WithoutCancel(ctx), stages, d)
	at = now()
	v := plan.Judge(d, err, at)
	v.Minted = !d.Link.URL.Equal(had.URL)
	return v, at
}
