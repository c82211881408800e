package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"alta/internal/capa"
	"alta/internal/mailer"
	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
	"alta/templates"
)

// engine is everything that a run needs, wired once.
type engine struct {
	config  *Config
	log     *slog.Logger
	now     pipeline.Clock
	store   *store.Store
	plan    pipeline.Plan
	capa    *capa.Client
	mails   *templates.Set
	mailer  *mailer.Mailer
	metrics *web.Metrics
	smtp    pipeline.Waiter // spaces mails out by smtp.rate
}

// newEngine checks that everything needed for sending is there and wires it.
func (a *app) newEngine(s *store.Store) (*engine, error) {
	c := a.config
	if err := c.CheckReady(); err != nil {
		return nil, err
	}
	e := &engine{
		config: c, log: a.log, now: a.now, store: s,
		plan: c.Plan.Plan(), smtp: limiter(c.SMTP.Rate),
	}
	var err error
	if e.mails, err = loadTemplates(c); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if e.capa, err = newCapa(c, a.now); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if e.mailer, err = newMailer(c, a.now); err != nil {
		e.capa.Close()
		return nil, &exitError{exitUsage, err}
	}
	e.metrics = web.NewMetrics(e.snapshot)
	return e, nil
}

// close ends the kept connections.
func (e *engine) close() error {
	e.capa.Close()
	return e.mailer.Close()
}

func loadTemplates(c *Config) (*templates.Set, error) {
	brands := map[pipeline.Country]templates.Brand{}
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		brands[country] = templates.Brand(c.BrandFor(country))
	}
	return templates.Load(templates.Options{Dir: c.Templates.Dir, Brands: brands})
}

func newCapa(c *Config, now pipeline.Clock) (*capa.Client, error) {
	return capa.New(capa.Config{
		BaseURL:     c.Capa.BaseURL,
		APIKey:      c.Capa.APIKey,
		RedirectURI: c.Capa.RedirectURI,
		RedirectURIs: map[pipeline.Country]string{
			pipeline.MX: c.Capa.RedirectURIFor(pipeline.MX),
			pipeline.DO: c.Capa.RedirectURIFor(pipeline.DO),
		},
		LinkHosts:   c.Capa.LinkHosts,
		Timeout:     c.Capa.Timeout,
		Rate:        c.Capa.Rate,
		Connections: c.Capa.Connections,
	}, now)
}

func newMailer(c *Config, now pipeline.Clock) (*mailer.Mailer, error) {
	m := mailer.Config{
		Host: c.SMTP.Host, Port: c.SMTP.Port,
		TLS: c.SMTP.TLS, AllowPlaintext: c.SMTP.AllowPlaintext,
		Username: c.SMTP.Username, Password: c.SMTP.Password, Auth: c.SMTP.Auth,
		From:        *cmp.Or(c.SMTP.FromAddress, &mail.Address{}),
		ReplyTo:     *cmp.Or(c.SMTP.ReplyToAddress, &mail.Address{}),
		Connections: c.SMTP.Connections, IdleTimeout: c.SMTP.IdleTimeout,
		Timeout: c.SMTP.Timeout, LocalName: c.SMTP.HelloName(),
	}
	if c.SMTP.DKIM.Domain != "" {
		key, err := mailer.ParseDKIMKey([]byte(c.SMTP.DKIM.Key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("smtp.dkim.key_file %s: %w", c.SMTP.DKIM.KeyFile, err)
		}
		m.DKIM = &mailer.DKIM{Domain: c.SMTP.DKIM.Domain, Selector: c.SMTP.DKIM.Selector, Key: key}
	}
	return mailer.New(m, now)
}

func limiter(perSecond float64) pipeline.Waiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), 1)
}

// deliver is the chain of stages of one run.
func (e *engine) deliver(q *store.Queue) pipeline.Deliver {
	observed := func(name string, stage pipeline.Stage) pipeline.Stage {
		return pipeline.Observe(name, e.metrics, e.now, stage)
	}
	return pipeline.Record(q, e.plan, e.now, pipeline.Chain(
		observed("issue", pipeline.Issue(e.capa, e.now, e.config.Capa.LinkTTL, e.config.Capa.LeastLife())),
		observed("render", pipeline.Render(e.mails, e.now, e.mailer.NewID)),
		pipeline.Limit(e.smtp, observed("send", pipeline.Send(q, e.mailer))),
	))
}

// pass says what one pass of the pipeline is for.
type pass struct {
	trigger store.Trigger
	slot    time.Time // the moment of the schedule that it serves, if any
	limit   int       // most deliveries; 0 is no limit
	logged  bool      // nobody reads a report: the log sums the run up
	done    func(*pipeline.Delivery, pipeline.Verdict, pipeline.Report)
}

// run makes one pass: settle what an earlier process left, pull the source,
// deliver what is due. The caller holds the ledger's lock. A report with an
// outage is no error of run, and neither is a slot that was served before: that
// one leaves an empty report.
func (e *engine) run(ctx context.Context, p pass) (report pipeline.Report, err error) {
	// What is begun is written down, even when ctx has ended meanwhile.
	settle := context.WithoutCancel(ctx)
	if err := e.recover(settle); err != nil {
		return report, err
	}
	id, fresh, err := e.store.StartRun(settle, p.trigger, p.slot, e.now())
	if err != nil || !fresh {
		return report, err
	}
	started := e.now()
	e.log.Debug("run begins", "run", id, "trigger", p.trigger)
	err = e.pullSource(ctx)
	if fault, ok := errors.AsType[*pipeline.Fault](err); ok {
		report.Outage, err = fault.Reason, nil
	} else if err == nil {
		report, err = e.pipe(ctx, id, p)
	}
	if err == nil && ctx.Err() == nil && report.Selected == 0 && report.Outage == "" {
		report.Outage, err = e.probePause(ctx)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // told to stop while it pulled: nothing was begun
	}
	ended := e.now()
	report.DurationMS = ended.Sub(started).Milliseconds()
	e.metrics.CountRun(string(p.trigger), result(report, err), ended)
	failure := err
	if failure == nil && ctx.Err() != nil {
		failure = errStopped // so that the slot does not count as served
	}
	if finishErr := e.store.FinishRun(settle, id, report, failure, ended); finishErr != nil {
		err = errors.Join(err, finishErr)
	}
	e.logRun(id, p, report, err)
	return report, err
}

// errStopped marks a run in the ledger that was told to stop before its end.
var errStopped = errors.New("stopped before its end; the next run goes on")

// probePause looks, with nothing due to try it with, whether an outage is over
// by asking the partner API and the mail server themselves. It returns why not.
func (e *engine) probePause(ctx context.Context) (outage string, err error) {
	_, pauses, err := e.store.QueueStatus(ctx, e.now())
	if err != nil {
		return "", err
	}
	for _, p := range pauses {
		if !p.IsOutage() || p.ProbeAt.After(e.now()) {
			continue
		}
		if err := errors.Join(e.capa.Check(ctx), e.mailer.Check(ctx)); err != nil {
			return strings.ReplaceAll(err.Error(), "\n", "; "), nil
		}
		e.log.Info("the outage is over: the partner API and the mail server answer", "since", p.Since)
		return "", e.store.Lift(ctx, p)
	}
	return "", nil
}

func (e *engine) pipe(ctx context.Context, id int64, p pass) (pipeline.Report, error) {
	only := store.Everything
	if p.trigger == store.ByResend {
		only = store.OperatorsOnly
	}
	q := e.store.Queue(id, only)
	return pipeline.Run(ctx, q, e.deliver(q), pipeline.RunOptions{
		Workers: e.config.Plan.Workers, Limit: p.limit, Now: e.now,
		Done: func(d *pipeline.Delivery, v pipeline.Verdict, soFar pipeline.Report) {
			e.metrics.CountVerdict(d, v)
			e.logVerdict(d, v)
			if p.done != nil {
				p.done(d, v, soFar)
			}
		},
	})
}

// recover settles what a process that died left behind.
func (e *engine) recover(ctx context.Context) error {
	return settleOrphans(ctx, e.store, e.plan, e.log, e.now)
}

// settleOrphans is for the holder of the ledger's lock, with no run under way.
func settleOrphans(ctx context.Context, s *store.Store, plan pipeline.Plan, log *slog.Logger, now pipeline.Clock) error {
	returned, doubted, err := s.Recover(ctx, now(), func(d *pipeline.Delivery) pipeline.Verdict {
		return plan.JudgeOrphan(d, now())
	})
	if err != nil {
		return err
	}
	if returned+doubted > 0 {
		log.Warn("settled what a process that ended left behind", "put_back", returned, "in_doubt", doubted)
	}
	return nil
}

// logVerdict writes one line about a delivery: quietly when all went well,
// clearly when somebody may have to act.
func (e *engine) logVerdict(d *pipeline.Delivery, v pipeline.Verdict) {
	level := slog.LevelWarn
	switch {
	case v.Outcome == pipeline.OutcomeSent, !v.Tried:
		level = slog.LevelDebug
	case v.Outcome == pipeline.OutcomeRetry, v.Outcome == pipeline.OutcomeCancelled:
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{slog.String("outcome", string(v.Outcome)), slog.Any("delivery", d)}
	if v.Code != "" {
		attrs = append(attrs, slog.String("code", v.Code), slog.String("reason", v.Reason))
	}
	if v.Cause != nil {
		attrs = append(attrs, slog.String("cause", v.Cause.Error()))
	}
	if v.State == pipeline.Due {
		attrs = append(attrs, slog.Time("next_attempt", v.DueAt))
	}
	e.log.LogAttrs(context.Background(), level, "delivery "+string(v.Outcome), attrs...)
}

// logRun sums up a run of the daemon. A command prints its report instead.
func (e *engine) logRun(id int64, p pass, r pipeline.Report, err error) {
	if !p.logged {
		return
	}
	attrs := []any{
		"run", id, "trigger", p.trigger, "selected", r.Selected, "sent", r.Sent, "retry", r.Retry, "failed", r.Failed,
		"held", r.Held, "doubt", r.Doubt, "cancelled", r.Cancelled, "minted", r.Minted, "duration_ms", r.DurationMS,
	}
	switch {
	case err != nil:
		// The caller says what went wrong; this line says what was done before.
		e.log.Error("run ended early", attrs...)
	case r.Outage != "":
		e.log.Error("run stopped by an outage; nothing is lost, and the next run tries again", append(attrs, "outage", r.Outage)...)
	default:
		e.log.Info("run done", attrs...)
	}
}

func result(r pipeline.Report, err error) string {
	switch {
	case err != nil:
		return "error"
	case r.Outage != "":
		return "outage"
	}
	return "done"
}

// snapshot is what a scrape of the metrics shows of the ledger.
func (e *engine) snapshot(ctx context.Context) (web.Snapshot, error) {
	now := e.now()
	q, paused, err := e.store.QueueStatus(ctx, now)
	if err != nil {
		return web.Snapshot{}, fmt.Errorf("read the queue: %w", err)
	}
	s := web.Snapshot{
		Queue: map[pipeline.State]int{
			pipeline.Due: q.DueNow + q.Later, pipeline.Claimed: q.Claimed, pipeline.Sending: q.Sending,
			pipeline.Held: q.Held, pipeline.InDoubt: q.Doubt, pipeline.Failed: q.Failed,
		},
		DueNow: q.DueNow,
	}
	if !q.OldestDue.IsZero() {
		s.OldestDue = now.Sub(q.OldestDue)
	}
	for _, p := range paused {
		s.Paused = append(s.Paused, p.Country)
	}
	last, err := e.store.Runs(ctx, 1)
	if err != nil {
		return web.Snapshot{}, fmt.Errorf("read the latest run: %w", err)
	}
	s.Outage = len(last) > 0 && last[0].Report.Outage != ""
	return s, nil
}
