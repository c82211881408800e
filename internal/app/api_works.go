package app

import (
	"context"
	"time"

	"alta/internal/web/api"
	"alta/pipeline"
	"alta/store"
)

// works tells how alta is doing. It implements [api.Works].
type works struct{ desk }

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
func (w works) Run(ctx context.Context, by api.By) error {
	if err := w.store.NoteAct(ctx, "run", "", "", actBy(by), w.now()); err != nil {
		return apiError(err)
	}
	return apiError(w.beginRun(ctx, store.ByCommand))
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
