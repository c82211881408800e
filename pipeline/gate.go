package pipeline

import "context"

// Gate lets at most n deliveries into the stage at one time; the others wait
// outside in the order in which they came. What a delivery gains in the stage,
// the text of a mail above all, is so held for n of them and not for all that
// are in flight. Giving up the wait costs the user no attempt.
func Gate(n int, next Stage) Stage {
	inside := make(chan struct{}, max(n, 1))
	return func(ctx context.Context, d *Delivery) error {
		select {
		case inside <- struct{}{}:
		case <-ctx.Done():
			return &Fault{Kind: Retry, Free: true, Code: "interrupted", Reason: "waited for other mails to end", Err: ctx.Err()}
		}
		defer func() { <-inside }()
		return next(ctx, d)
	}
}
