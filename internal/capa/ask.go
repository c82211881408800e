package capa

import (
	"context"
	"fmt"
	"net/http"

	"alta/pipeline"
)

// callKind tells the calls about one user apart.
type callKind int

const (
	minting callKind = iota // opens a session
	looking                 // asks for a status, and changes nothing
	callKinds
)

func (k callKind) String() string {
	return [callKinds]string{"issue link", "ask for the user's status"}[k]
}

// ask makes one call about the user when its turn has come. It returns what was
// answered, with any status but 429.
func (c *Client) ask(ctx context.Context, kind callKind, u pipeline.User, req http.Request) (answer, error) {
	turn, err := c.line.enter(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("%s: wait for other calls to end: %w", kind, err)
	}
	felt := unknown
	// The turn goes on only after the answer was judged, so that whoever gets
	// it meets the pause that the answer asked for.
	defer func() { c.line.leave(turn, felt) }()
	if err := c.admit(ctx, kind, &turn); err != nil {
		return answer{}, err
	}
	// A mint that was begun is brought to its end, which Config.Timeout bounds:
	// one that is given up leaves it in doubt whether it opened a session.
	a, lost := c.call(context.WithoutCancel(ctx), turn.transport, req, kind.longest())
	felt = feel(a, lost)
	if lost != nil {
		return answer{}, c.settle(kind, u, judgeLoss(lost, kind))
	}
	if a.status == http.StatusTooManyRequests {
		pause := parseRetryAfter(a.retryAfter, c.now())
		found := throttled(pause)
		if c.gate.shut(kind, pause) {
			found = throttledInVain(pause)
		}
		return answer{}, c.settle(kind, u, found)
	}
	c.gate.passed(kind)
	return a, nil
}

// longest is how long the answer to such a call may be, in bytes.
func (k callKind) longest() int {
	if k == looking {
		return maxDetails
	}
	return maxAnswer
}

// settle notes what a call found in the streaks of its kind, so that answers of
// one kind end no streak of the other, and returns the fault to report.
func (c *Client) settle(kind callKind, u pipeline.User, f finding) *pipeline.Fault {
	if kind == looking {
		return f.ofLook().settle(c.looks, u.ID)
	}
	return f.settle(c.streaks, u.ID)
}

// admit waits until the call may be made, or until the caller gives up. A share
// that changes meanwhile begins the wait anew, with another turn if need be.
func (c *Client) admit(ctx context.Context, kind callKind, t *turn) error {
	for {
		if err := c.pass(ctx, kind); err != nil {
			return err
		}
		granted, err := c.pace.wait(ctx)
		if err != nil {
			return fmt.Errorf("%s: wait for capa.rate: %w", kind, err)
		}
		// The gate may have shut while this call waited for its turn.
		if err := c.pass(ctx, kind); err != nil {
			return err
		}
		kept, err := c.line.keep(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: wait for other calls to end: %w", kind, err)
		}
		if granted && kept {
			return nil
		}
	}
}

// pass waits for the gate, or refuses at once when the wait would be long.
func (c *Client) pass(ctx context.Context, kind callKind) error {
	left, err := c.gate.wait(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s: wait for the partner API's pause to end: %w", kind, err)
	case left > 0:
		found := throttled(left)
		return &found.fault
	}
	return nil
}
