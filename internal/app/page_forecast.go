package app

import (
	"context"
	"slices"
	"time"

	"alta/internal/web"
	"alta/pipeline"
)

// foresight looks ahead for the operator's page. It implements [web.Forecaster].
type foresight struct{ *engine }

// Forecast implements [web.Forecaster].
func (f foresight) Forecast(ctx context.Context) ([]web.ForecastHour, error) {
	now := f.now()
	found, err := f.store.Forecast(ctx, now, now.Truncate(time.Hour).Add(24*time.Hour))
	hours := make([]web.ForecastHour, len(found))
	for i, h := range found {
		hours[i] = web.ForecastHour(h)
	}
	return hours, err
}

// DryRun implements [web.Forecaster]. What is paused now and may be probed by then is
// shown as paused: nobody knows how the probe ends.
func (f foresight) DryRun(ctx context.Context, at time.Time, most int) (run web.DryRun, err error) {
	run.At = at
	if run.Due, err = f.store.CountDue(ctx, at); err != nil {
		return run, err
	}
	due, err := f.store.Due(ctx, at, most)
	if err != nil {
		return run, err
	}
	pauses, err := f.store.Pauses(ctx)
	if err != nil {
		return run, err
	}
	for i := range due {
		run.Mails = append(run.Mails, f.dryMail(&due[i], pauses, at))
	}
	return run, nil
}

func (f foresight) dryMail(d *pipeline.Delivery, pauses []pipeline.Pause, at time.Time) web.DryMail {
	m := web.DryMail{
		UserID: d.User.ID, Name: d.User.Name, Email: d.User.Email, Country: d.User.Country,
		Step: d.Step, Round: d.Round, DueAt: d.DueAt, Operator: d.Operator,
	}
	paused := slices.ContainsFunc(pauses, func(p pipeline.Pause) bool {
		return p.IsOutage() || p.Country == d.User.Country && p.Type == d.User.Type
	})
	_, night := f.plan.Defer(d, at)
	switch v, wait := f.plan.Admit(d, at); {
	case wait && v.State != pipeline.Due:
		m.Wait = web.WaitCancel
	case wait && night:
		m.Wait, m.Until = web.WaitHours, v.DueAt
	case wait:
		m.Wait, m.Until = web.WaitPlan, v.DueAt
	case paused:
		m.Wait = web.WaitPause
	}
	return m
}
