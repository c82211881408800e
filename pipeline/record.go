package pipeline

import (
	"context"
	"errors"
	"time"
)

// Recorder writes verdicts down.
type Recorder interface {
	// Record commits, in one transaction, what became of the delivery, the
	// attempt and the user's next delivery. A [Fault] with [LedgerCode] says
	// that the ledger can't be written now, and may be later.
	Record(ctx context.Context, d *Delivery, v Verdict, now time.Time) error
}

// Deliver handles one claimed delivery to its end and returns the verdict that
// was written down. Its error is the ledger's: the verdict may be lost.
type Deliver func(context.Context, *Delivery) (Verdict, error)

const (
	recordLimit = 30 * time.Second       // the longest wait for the ledger when nothing has left
	recordSoon  = 100 * time.Millisecond // how soon a ledger that could not be written is tried again; doubles
	recordEvery = 2 * time.Second        // how often it is tried in the end
)

// Record runs the stages on a delivery and writes down what came of it, on
// failure too. When ctx ends, what still waits is put back; a mail on the
// wire is brought to its end and recorded.
//
// What became of a mail that had begun is never given up while the process
// lives, for without it the mail would be in doubt and go out a second time:
// while the ledger can't be written, Record waits for it, and unwritten, if not
// nil, is told of each vain try.
func Record(ledger Recorder, plan Plan, now Clock, stages Stage, unwritten func(*Delivery, error)) Deliver {
	return func(ctx context.Context, d *Delivery) (Verdict, error) {
		v, at := judge(ctx, d, plan, now, stages)
		ctx = context.WithoutCancel(ctx)
		if !d.Begun {
			ctx, cancel := context.WithTimeout(ctx, recordLimit)
			defer cancel()
			return v, ledger.Record(ctx, d, v, at)
		}
		for wait := recordSoon; ; wait = min(2*wait, recordEvery) {
			err := ledger.Record(ctx, d, v, at)
			if f, ok := errors.AsType[*Fault](err); !ok || f.Code != LedgerCode {
				return v, err
			}
			if unwritten != nil {
				unwritten(d, err)
			}
			time.Sleep(wait)
		}
	}
}

// judge runs the stages, unless the delivery has to wait, and returns the
// verdict and the one moment that both it and the ledger go by.
func judge(ctx context.Context, d *Delivery, plan Plan, now Clock, stages Stage) (Verdict, time.Time) {
	at := now()
	if ctx.Err() != nil {
		return PutBack(d, d.DueAt), at
	}
	if v, wait := plan.Admit(d, at); wait {
		return v, at
	}
	had := d.Link
	err := recovered(ctx, stages, d)
	at = now()
	v := plan.Judge(d, err, at)
	if interrupted(ctx, err) {
		v = PutBack(d, d.DueAt) // with its link, if one was minted
	}
	v.Minted = !d.Link.URL.IsZero() && !d.Link.Lasts() && !d.Link.URL.Equal(had.URL)
	if v.State == Sent && d.Probe != nil && (v.Minted || d.Link.Lasts() || !d.Probe.Minting) {
		v.Lift = d.Probe
	}
	return v, at
}

// interrupted tells whether a stop ended the stages before anything but an
// envelope had left the house.
func interrupted(ctx context.Context, err error) bool {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return false
	}
	f := AsFault(err)
	return f.Kind == Retry && !f.Doubtful
}
