package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Sender carries one message to the SMTP server.
type Sender interface {
	// Send gets a connection ready, calls begin right before the first byte of
	// MAIL FROM, and transmits the message. When begin fails nothing is sent
	// and its error is returned as it is. An error after the final dot, where
	// the server's decision is unknown, is a [Fault] of kind [Doubt].
	Send(ctx context.Context, d *Delivery, begin func() error) (Receipt, error)
}

// Beginner makes the sending durable before it starts.
type Beginner interface {
	// Begin commits the state [Sending] with the Message-ID and the link, and
	// checks in the same transaction that the user is still owed the mail; if
	// not, it returns a [Fault] of kind [Cancel].
	Begin(ctx context.Context, d *Delivery) error
}

// Send hands the message to the SMTP server. Until it has begun, the end of ctx
// stops it. Once begun, a mail is not interrupted: it finishes, or its own
// time-outs end it.
func Send(ledger Beginner, smtp Sender) Stage {
	return func(ctx context.Context, d *Delivery) (err error) {
		begun := false
		defer func() {
			if p := recover(); p != nil {
				if !begun {
					panic(p)
				}
				err = &Fault{
					Kind: Doubt, Code: "panic",
					Reason: fmt.Sprintf("alta met a bug (%T) while it sent this mail; please report it with the log", p),
					Err:    errors.New(string(debug.Stack())),
				}
			}
		}()
		d.Receipt, err = smtp.Send(ctx, d, func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("begin the mail: %w", err)
			}
			err := ledger.Begin(context.WithoutCancel(ctx), d)
			begun = err == nil
			return unwritable(err)
		})
		return err
	}
}

// unwritable turns a ledger that can't be written into an outage: a mail that
// could not be recorded must not be sent, to nobody.
func unwritable(err error) error {
	if _, classified := errors.AsType[*Fault](err); err == nil || classified {
		return err
	}
	return &Fault{
		Kind: Outage, Code: "ledger",
		Reason: "the database can't be written, so no mail is sent; check the disk and 'alta doctor'", Err: err,
	}
}
