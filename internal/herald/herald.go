package herald

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"alta/pipeline"
)

// Event is something that happened.
type Event struct {
	ID         int64
	Name       string
	Type       string
	At         time.Time
	UserID     string // "" for what is about all
	ExternalID string
	Step       pipeline.Step
	Round      int
	Code       string
	Tries      int // this one counted in
}

// Outcome is what came of a try.
type Outcome struct {
	Delivered bool
	GivenUp   bool
	NextAt    time.Time // otherwise
	Said      string    // what the receiver said, in a few words
}

// Ledger keeps the events.
type Ledger interface {
	// Claim takes up to n events that are due, for so long as lost.
	Claim(ctx context.Context, n int, lost, now time.Time) ([]Event, error)
	// Settle writes down what came of one.
	Settle(ctx context.Context, e Event, o Outcome) error
	// Forget drops what happened before that time.
	Forget(ctx context.Context, before time.Time) error
	// Stop ends the noting of events, for nobody wants to hear of them.
	Stop(ctx context.Context) error
}

// Options are what a herald needs.
type Options struct {
	URL    string
	Key    Key
	Agent  string // of User-Agent
	Ledger Ledger
	Now    pipeline.Clock
	Luck   func() float64 // from 0 to 1
	Log    *slog.Logger
}

// Herald tells what happened.
type Herald struct {
	Options
	client *http.Client
	unread time.Time // when it was last said that the ledger can't be read
}

// How much is told at once, how often the herald looks, and how long events are kept.
const (
	atOnce    = 16
	lookEvery = time.Second
	timeout   = 15 * time.Second
	lease     = 2 * time.Minute // longer than a try and its settling
	keptFor   = 30 * 24 * time.Hour
	tidyEvery = time.Hour
	sayEvery  = 5 * time.Minute
)

// New makes a herald.
func New(o Options) *Herald {
	return &Herald{Options: o, client: newClient()}
}

// Run tells events until ctx ends, or the receiver is gone for good. A try that is cut
// off by the end is made again later.
func (h *Herald) Run(ctx context.Context) {
	defer h.client.CloseIdleConnections()
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	var tidied time.Time
	for {
		gone, err := h.round(ctx, &tidied)
		switch {
		case ctx.Err() != nil:
			return
		case gone:
			h.Log.Error("The receiver of events answered 410: it is gone. No more events are noted until alta serve starts anew; mend or remove events.url.")
			return
		case err != nil && h.Now().Sub(h.unread) >= sayEvery:
			h.unread = h.Now()
			h.Log.Error("Events can't be told: the ledger fails.", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// round tells what is due now. gone is true when the receiver is.
func (h *Herald) round(ctx context.Context, tidied *time.Time) (gone bool, err error) {
	if now := h.Now(); now.Sub(*tidied) >= tidyEvery {
		if err := h.Ledger.Forget(ctx, now.Add(-keptFor)); err != nil {
			return false, err
		}
		*tidied = now
	}
	for ctx.Err() == nil && !gone {
		now := h.Now()
		events, err := h.Ledger.Claim(ctx, atOnce, now.Add(lease), now)
		if err != nil || len(events) == 0 {
			return false, err
		}
		results := make([]error, len(events))
		var all sync.WaitGroup
		for i, e := range events {
			all.Go(func() { results[i] = h.tell(ctx, e) })
		}
		all.Wait()
		err = errors.Join(results...)
		gone = errors.Is(err, errGone)
		if gone {
			return true, h.Ledger.Stop(ctx)
		}
		if err != nil {
			return false, err
		}
	}
	return gone, nil
}

// errGone says that the receiver answered 410.
var errGone = errors.New("the receiver is gone")

// tell makes one try, and writes down what came of it.
func (h *Herald) tell(ctx context.Context, e Event) error {
	a, err := h.post(ctx, e)
	if ctx.Err() != nil {
		return nil // cut off by the end: it counts as lost
	}
	if err != nil {
		return fmt.Errorf("tell event %d: %w", e.ID, err)
	}
	if err := h.Ledger.Settle(ctx, e, h.outcome(e, a)); err != nil {
		return err
	}
	if a.status == http.StatusGone {
		return errGone
	}
	return nil
}

// outcome decides what becomes of an event.
func (h *Herald) outcome(e Event, a answer) Outcome {
	if a.status >= 200 && a.status <= 299 {
		return Outcome{Delivered: true, Said: a.said}
	}
	wait, again := waitAfter(e.Tries, h.Luck(), a.after)
	if !again {
		h.Log.Warn("An event was given up: its receiver has not taken it for three days.", "event", e.Name, "type", e.Type, "tries", e.Tries, "said", a.said)
		return Outcome{GivenUp: true, Said: a.said}
	}
	h.Log.Debug("An event is told again later.", "event", e.Name, "type", e.Type, "tries", e.Tries, "said", a.said, "in", wait)
	return Outcome{NextAt: h.Now().Add(wait), Said: a.said}
}
