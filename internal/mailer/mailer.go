// Package mailer carries mails to an SMTP server. It builds the message, keeps
// connections, and says what a reply means as a [pipeline.Fault]; nobody else
// sees a reply code.
package mailer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"alta/pipeline"
)

// Mailer sends mails through one SMTP server. It is safe for concurrent use.
type Mailer struct {
	config Config
	from   address
	path   string // of from, as MAIL FROM has it
	now    pipeline.Clock
	dialer dialer
	pool   *pool
	streak *streaks

	letterhead *letterhead
}

// New checks the configuration; it doesn't connect. The error names every
// setting that is wrong.
func New(cfg Config, now pipeline.Clock) (*Mailer, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, fmt.Errorf("configure mailer: %w", err)
	}
	from, err := parseAddress(cfg.From.Name, cfg.From.Address)
	if err != nil {
		return nil, fmt.Errorf("configure mailer: %w", err)
	}
	head, err := newLetterhead(from, cfg)
	if err != nil {
		return nil, fmt.Errorf("configure mailer: %w", err)
	}
	d := newDialer(cfg)
	return &Mailer{
		config: cfg, from: from, path: from.path(), letterhead: head, now: now,
		dialer: d, pool: newPool(cfg, d, now), streak: newStreaks(),
	}, nil
}

// Send transmits the delivery's message to its user, as [pipeline.Sender]
// demands: begin is called with a connection in hand, right before the first
// byte of the envelope. A connection that turns out to be closed then costs
// nothing; Send takes another, and calls begin again. The end of ctx stops every
// wait for a connection, or behind another mail, with an error that wraps that of
// ctx; a mail that has its connection to itself is not interrupted there, and each
// of its steps has [Config].Timeout. Errors are faults, except those of begin. Failures
// of several users in a row become an outage.
func (m *Mailer) Send(ctx context.Context, d *pipeline.Delivery, begin func() error) (pipeline.Receipt, error) {
	to, err := recipient(d.User.Name, d.User.Email)
	if err != nil {
		return pipeline.Receipt{}, recipientFault(err)
	}
	draft := m.letterhead.draft()
	defer m.letterhead.putBack(draft)
	raw, err := m.write(draft, to, d.Message)
	if err != nil {
		return pipeline.Receipt{}, err
	}
	receipt, err := m.transmit(ctx, outgoing{m.path, to.path(), raw, m.dialer.redact.withLink(d.Link.URL)}, begin)
	if f, failed := errors.AsType[failure](err); failed {
		return pipeline.Receipt{}, m.streak.judge(d.User.ID, f)
	}
	if err == nil {
		m.streak.succeed()
	}
	return receipt, err
}

// SendTest sends a mail that belongs to no delivery and returns the server's
// reply, for example "250 2.0.0 Ok: queued as 4F3".
func (m *Mailer) SendTest(ctx context.Context, to mail.Address, content pipeline.Content) (string, error) {
	parsed, err := recipient(to.Name, to.Address)
	if err != nil {
		return "", recipientFault(err)
	}
	raw, err := m.build(parsed, pipeline.Message{ID: m.NewID(), Date: m.now(), Content: content})
	if err != nil {
		return "", err
	}
	receipt, err := m.transmit(ctx, outgoing{m.path, parsed.path(), raw, m.dialer.redact}, func() error { return nil })
	return receipt.Reply, alone(err)
}

// Build returns the exact bytes that [Mailer.Send] transmits, before
// dot-stuffing. It is deterministic: a delivery that is repeated gives the
// same bytes, the DKIM signature included.
func (m *Mailer) Build(d *pipeline.Delivery) ([]byte, error) {
	to, err := recipient(d.User.Name, d.User.Email)
	if err != nil {
		return nil, recipientFault(err)
	}
	return m.build(to, d.Message)
}

// NewID returns a fresh Message-ID under the domain of the From address,
// without angle brackets. It is random and tells nothing about this machine.
func (m *Mailer) NewID() string {
	return strings.ToLower(rand.Text()) + "@" + m.from.domain()
}

// Check connects, secures the connection, logs in and says goodbye. It uses a
// connection of its own.
func (m *Mailer) Check(ctx context.Context) error {
	c, err := m.dialer.dial(ctx)
	if err != nil {
		return alone(err)
	}
	c.quit()
	return nil
}

// Close waits for mails on the wire, then ends all connections. A Send after
// it returns a fault that costs no attempt.
func (m *Mailer) Close() error {
	m.pool.close()
	return nil
}

// transmit sends the mail on a connection, and on another one while none was of
// any use and the message has not begun. It may go behind another mail once. Where a
// server does not answer an envelope in one write, a try with one command at a
// time tells whether that is why. Errors are failures, faults, or those of begin.
func (m *Mailer) transmit(ctx context.Context, mail outgoing, begin func() error) (pipeline.Receipt, error) {
	plain := false
	for chain := true; ; chain = false {
		turn, err := m.pool.get(ctx, chain)
		if err != nil {
			return pipeline.Receipt{}, err
		}
		turn.plain = plain
		said, err := turn.carry(ctx, mail, begin)
		switch err {
		case nil:
			return pipeline.Receipt{Reply: said.String()}, nil
		case errElsewhere:
		case errUnheard:
			plain = true
		default:
			return pipeline.Receipt{}, err
		}
	}
}

// alone turns a failure that belongs to no user's delivery into its fault.
func alone(err error) error {
	if f, failed := errors.AsType[failure](err); failed {
		return f.fault()
	}
	return err
}
