package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Stage does one thing to a delivery and fills the fields that stand for it.
type Stage func(context.Context, *Delivery) error

// Chain runs the stages in order and stops at the first error.
func Chain(stages ...Stage) Stage {
	return func(ctx context.Context, d *Delivery) error {
		for _, stage := range stages {
			if err := stage(ctx, d); err != nil {
				return err
			}
		}
		return nil
	}
}

// Waiter blocks until one more event may happen, as rate.Limiter of
// golang.org/x/time does.
type Waiter interface {
	Wait(context.Context) error
}

// Limit lets the waiter decide when the stage may go on. Giving up the wait
// costs the user no attempt.
func Limit(w Waiter, next Stage) Stage {
	return func(ctx context.Context, d *Delivery) error {
		if err := w.Wait(ctx); err != nil {
			return &Fault{Kind: Retry, Free: true, Code: "rate_limited", Reason: "waited for the rate limit", Err: err}
		}
		return next(ctx, d)
	}
}

// Observer is told how long a stage took and how it ended.
type Observer interface {
	ObserveStage(name string, d *Delivery, took time.Duration, err error)
}

// Observe reports each passage of the stage. It is the only place where
// telemetry touches the pipeline.
func Observe(name string, o Observer, now Clock, next Stage) Stage {
	return func(ctx context.Context, d *Delivery) error {
		start := now()
		err := next(ctx, d)
		o.ObserveStage(name, d, now().Sub(start), err)
		return err
	}
}

// recovered runs the stage and turns a panic into a fault that holds the
// delivery, so that one bad record can't take the daemon down for everybody.
func recovered(ctx context.Context, next Stage, d *Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Fault{
				Kind: Hold, Code: "panic", Doubtful: d.Link.ID == 0 && !d.Repeat,
				Reason: fmt.Sprintf("alta met a bug (%T) while it prepared this mail; please report it with the log", p),
				Err:    errors.New(string(debug.Stack())),
			}
		}
	}()
	return next(ctx, d)
}
