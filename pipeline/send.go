package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Sender carries one message to the SMTP server.
type Sender interface {
	// Send gets a connection ready, calls begin right before the first byte of
	// MAIL FROM, or of the RSET before it, and transmits the message. An envelope
	// delivers nothing, however it is cut off (RFC 5321, section 4.1.1.4), so Send
	// may try it on several connections; it calls begin on each. When begin fails
	// nothing more is sent and its error is returned as it is. An error after the
	// final dot, where the server's decision is unknown, is a [Fault] of kind
	// [Doubt].
	Send(ctx context.Context, d *Delivery, begin func() error) (Receipt, error)
}

// Beginner makes the sending durable before it starts.
type Beginner interface {
	// Begin commits the state [Sending] with the Message-ID and the link, and
	// checks in the same transaction that the user is still owed the mail at
	// now; if not, it returns a [Fault] that sends nothing. The run that has begun
	// a mail may begin it again, for another connection.
	Begin(ctx context.Context, d *Delivery, now time.Time) error
}

// Send hands the message to the SMTP server. The end of ctx stops it as long as
// it waits for a connection to itself. On that a mail is not interrupted: it
// finishes, or its own time-outs end it.
func Send(ledger Beginner, smtp Sender, now Clock) Stage {
	return func(ctx context.Context, d *Delivery) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if !d.Begun {
					panic(p)
				}
				err = &Fault{
					Kind: Doubt, Code: "panic",
					Reason: fmt.Sprintf("alta met a bug (%T) while it sent this mail; please report it with the log", p),
					Err:    errors.New(string(debug.Stack())),
				}
			}
		}()
		// From here on its digest stands for the text, which waits for no commit.
		defer func() { d.Message.Content, d.Message.Unsubscribe = Content{}, Secret{} }()
		d.Receipt, err = smtp.Send(ctx, d, func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("begin the mail: %w", err)
			}
			err := ledger.Begin(context.WithoutCancel(ctx), d, now())
			d.Begun = d.Begun || err == nil
			if _, classified := errors.AsType[*Fault](err); err == nil || classified {
				return err
			}
			return unwritable(err)
		})
		return err
	}
}

// unwritable turns an error of the ledger into an outage: a mail that could not
// be recorded must not be sent, to nobody.
func unwritable(err error) *Fault {
	return &Fault{
		Kind: Outage, Code: LedgerCode,
		Reason: "the database can't be written, so no mail is sent; check it with 'alta doctor'", Err: err,
	}
}
