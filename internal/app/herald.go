package app

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"alta/internal/herald"
	"alta/pipeline"
	"alta/store"
)

// eventLedger is what telling events asks of either engine.
type eventLedger interface {
	NoteEvents(ctx context.Context, on bool) error
	EventsNoted(ctx context.Context) (on bool, err error)
	ClaimEvents(ctx context.Context, n int, lost, now time.Time) (claimed []store.Event, err error)
	SettleEvent(ctx context.Context, e store.Event, t store.EventTry) error
	Events(ctx context.Context, after int64, n int) ([]store.Event, error)
	ForgetEvents(ctx context.Context, before time.Time) error
}

// tellEvents begins to tell what happens, if somebody wants to hear of it, until close.
// Otherwise nothing is noted any more. The machines of a fleet share a configuration,
// and share the events among them.
func (e *engine) tellEvents(ctx context.Context) (close func(), err error) {
	on := e.config.Events.URL != ""
	var h *herald.Herald
	if on {
		if h, err = e.herald(); err != nil {
			return nil, &exitError{exitUsage, err}
		}
	}
	noted, err := e.store.EventsNoted(ctx)
	if err == nil && noted != on {
		err = e.store.NoteEvents(ctx, on)
	}
	if err != nil {
		return nil, err
	}
	if !on {
		return func() {}, nil
	}
	ctx, stop := context.WithCancel(ctx)
	var worker sync.WaitGroup
	worker.Go(func() { h.Run(ctx) })
	return func() {
		stop()
		worker.Wait()
	}, nil
}

func (e *engine) herald() (*herald.Herald, error) {
	return newHerald(e.config, herald.Options{Ledger: eventsOf{e.store}, Now: e.now, Log: e.log})
}

func newHerald(c *Config, o herald.Options) (*herald.Herald, error) {
	key, err := c.eventsKey()
	if err != nil {
		return nil, err
	}
	o.URL, o.Key, o.Agent, o.Luck = c.Events.URL, key, "alta/"+version(), rand.Float64
	return herald.New(o), nil
}

// eventsOf is a ledger in the words of the herald.
type eventsOf struct{ ledger eventLedger }

// Claim implements [herald.Ledger].
func (l eventsOf) Claim(ctx context.Context, n int, lost, now time.Time) (all []herald.Event, err error) {
	claimed, err := l.ledger.ClaimEvents(ctx, n, lost, now)
	for _, e := range claimed {
		all = append(all, herald.Event{
			ID: e.ID, Name: e.Name, Type: string(e.Type), At: e.At, UserID: e.UserID, ExternalID: e.ExternalID,
			Step: e.Step, Round: e.Round, Code: e.Code, Tries: e.Tries,
		})
	}
	return all, err
}

// Settle implements [herald.Ledger].
func (l eventsOf) Settle(ctx context.Context, e herald.Event, o herald.Outcome) error {
	t := store.EventTry{State: store.EventWaiting, NextAt: o.NextAt, Said: o.Said}
	switch {
	case o.Delivered:
		t.State = store.EventDelivered
	case o.GivenUp:
		t.State = store.EventGivenUp
	}
	return l.ledger.SettleEvent(ctx, store.Event{ID: e.ID, Tries: e.Tries}, t)
}

// Forget implements [herald.Ledger].
func (l eventsOf) Forget(ctx context.Context, before time.Time) error {
	return l.ledger.ForgetEvents(ctx, before)
}

// Stop implements [herald.Ledger].
func (l eventsOf) Stop(ctx context.Context) error { return l.ledger.NoteEvents(ctx, false) }

// eventJSON is an event as commands and the API show it.
type eventJSON struct {
	Cursor     int64            `json:"cursor"`
	ID         string           `json:"id"` // the webhook-id
	Type       store.EventType  `json:"type"`
	At         *time.Time       `json:"at"`
	UserID     string           `json:"user_id"`
	ExternalID string           `json:"external_id"`
	Step       pipeline.Step    `json:"step"`
	Round      int              `json:"round"`
	Code       string           `json:"code"`
	State      store.EventState `json:"state"`
	Tries      int              `json:"tries"`
	NextTryAt  *time.Time       `json:"next_try_at"`
	Said       string           `json:"said"` // to the latest try
}

func eventOut(e store.Event) eventJSON {
	return eventJSON{
		e.ID, e.Name, e.Type, utc(e.At), e.UserID, e.ExternalID, e.Step, e.Round, e.Code, e.State, e.Tries, utc(e.NextAt), e.Said,
	}
}

// Events implements [api.Works].
func (w works) Events(ctx context.Context, after int64, n int) (page []any, last int64, recording bool, err error) {
	found, err := w.store.Events(ctx, after, n)
	if err != nil {
		return nil, 0, false, err
	}
	for _, e := range found {
		page, last = append(page, eventOut(e)), e.ID
	}
	recording, err = w.store.EventsNoted(ctx)
	return page, last, recording, err
}
