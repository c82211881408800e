package app

import (
	"context"
	"time"

	"alta/internal/fleet"
	"alta/internal/web/api"
	"alta/pipeline"
	"alta/store"
)

// runner begins runs that somebody asks for. begun is false where one is under way,
// which takes what is due.
type runner interface {
	beginRun(ctx context.Context) (begun bool, err error)
}

// fleetRunner asks the fleet for a run, of whichever machines.
type fleetRunner struct{ ledger sharedLedger }

func (f fleetRunner) beginRun(ctx context.Context) (begun bool, err error) {
	_, err = fleet.Ask(ctx, f.ledger.Store, store.ByCommand, 0)
	return err == nil, err
}

// works tells how alta is doing. It implements [api.Works].
type works struct {
	desk
	runs runner
}

// Status implements [api.Works].
func (w works) Status(ctx context.Context) (any, error) {
	now := w.now()
	st, err := w.store.Status(ctx, now)
	if err != nil {
		return nil, err
	}
	runs, err := w.store.Runs(ctx, lastRuns)
	if err != nil {
		return nil, err
	}
	machines, err := fleetOf(ctx, w.store, now)
	if err != nil {
		return nil, err
	}
	return statusOut(st, runs, machines, w.config.Schedule.Schedule.Next(now.In(w.config.Schedule.Location))), nil
}

// Runs implements [api.Works].
func (w works) Runs(ctx context.Context, n int) (any, error) {
	runs, err := w.store.Runs(ctx, n)
	return runsOut(runs), err
}

// Run implements [api.Works].
func (w works) Run(ctx context.Context, by api.By) (begun bool, err error) {
	if err := w.store.NoteAct(ctx, "run", "", "", actOf(by), w.now()); err != nil {
		return false, apiError(err)
	}
	begun, err = w.runs.beginRun(ctx)
	return begun, apiError(err)
}

type forecastJSON struct {
	Hour     *time.Time       `json:"hour"` // its beginning
	Country  pipeline.Country `json:"country"`
	Step     pipeline.Step    `json:"step"`
	Operator bool             `json:"operator"` // asked for by one
	Mails    int              `json:"mails"`
}

// Forecast implements [api.Works].
func (w works) Forecast(ctx context.Context, from, until time.Time) (any, error) {
	hours, err := w.store.Forecast(ctx, from, until)
	if err != nil {
		return nil, err
	}
	out := []forecastJSON{}
	for _, h := range hours {
		out = append(out, forecastJSON{utc(h.Hour), h.Country, h.Step, h.Operator, h.Mails})
	}
	return out, nil
}
