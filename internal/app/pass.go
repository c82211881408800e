package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

// pass says what one pass of the pipeline is for.
type pass struct {
	trigger store.Trigger
	slot    time.Time  // the moment of the schedule that it serves, if any
	limit   int        // most deliveries; 0 is no limit
	yes     *store.Act // who lets it go though it mails far more than usual; nil for nobody
	logged  bool       // nobody reads a report: the log sums the run up
	done    func(*pipeline.Delivery, pipeline.Verdict, pipeline.Report)
}

// run makes one pass: settle what an earlier process left, pull the source, ask
// the guard, deliver what is due. The caller holds the ledger's lock. A report with an
// outage is no error of run, and neither is a slot that was served before: that
// one leaves an empty report.
func (e *engine) run(ctx context.Context, p pass) (report pipeline.Report, err error) {
	// What is begun is written down, even when ctx has ended meanwhile.
	settle := context.WithoutCancel(ctx)
	if err := e.recover(settle); err != nil {
		return report, err
	}
	id, fresh, err := e.file.StartRun(settle, p.trigger, p.slot, e.plan.MinGap, e.now())
	if err != nil || !fresh {
		return report, err
	}
	started := e.now()
	e.underway.begin(id)
	e.log.Debug("run begins", "run", id, "trigger", p.trigger)
	err = e.pullSource(ctx)
	if fault, ok := errors.AsType[*pipeline.Fault](err); ok {
		report.Outage, err = fault.Reason, nil
	} else if err == nil {
		report, err = e.guarded(ctx, id, p)
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
	// What keeps a run from ending well mostly keeps its end from being written,
	// which says nothing new; the next run closes it.
	if finishErr := e.file.FinishRun(settle, id, report, failure, ended); err == nil {
		err = finishErr
	}
	e.logRun(id, p, report, err)
	return report, err
}

// errStopped marks a run in the ledger that was told to stop before its end.
var errStopped = errors.New("stopped before its end; the next run goes on")

// probePause looks, with nothing due to try it with, whether an outage is over
// by asking the partner API and the mail server themselves. It returns why not.
func (e *engine) probePause(ctx context.Context) (outage string, err error) {
	pauses, err := e.store.Pauses(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pauses {
		if !p.IsOutage() || !p.Ripe(e.now()) {
			continue
		}
		if p.Minting && e.config.Public.lasting() && !e.questioned(p) {
			e.log.Info("the outage is over: nothing is minted for a mail any more", "since", p.Since)
			return "", e.store.Lift(ctx, p)
		}
		if !canCheck(p) {
			return p.Reason, nil
		}
		err := e.capa.Check(ctx)
		if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Kind == pipeline.Hold {
			err = nil // it answers, and the next mail will show the rest
		}
		err = errors.Join(err, e.mailer.Check(ctx))
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return strings.ReplaceAll(err.Error(), "\n", "; "), nil
		}
		e.log.Info("the outage is over: the partner API and the mail server answer", "since", p.Since)
		return "", e.store.Lift(ctx, p)
	}
	return "", nil
}

// questioned tells whether the outage may be that of a question, which goes on to be asked
// before a mail though nothing is minted for one.
func (e *engine) questioned(p pipeline.Pause) bool {
	return e.config.Capa.CheckStatus != "off" && misplaced(p.Code)
}

// canCheck tells whether asking the partner API and the mail server would meet
// the outage again. What only a mint or a mail meets, a mail must show to be
// over.
func canCheck(p pipeline.Pause) bool {
	return slices.Contains([]string{
		"capa.key_refused", "capa.partner_info", "capa.unreachable", "capa.redirected", "capa.unauthorized",
		"smtp.dial", "smtp.tls", "smtp.auth", "smtp.auth_missing", "smtp.starttls_missing", "ledger",
	}, p.Code)
}

// pipe delivers what the puller yields and writes it down in the queue.
func (e *engine) pipe(ctx context.Context, q sending, from pipeline.Puller, p pass) (pipeline.Report, error) {
	return pipeline.Run(ctx, from, e.deliver(q), pipeline.RunOptions{
		Workers: e.config.Plan.Workers, Limit: p.limit, Now: e.now,
		Done: func(d *pipeline.Delivery, v pipeline.Verdict, soFar pipeline.Report) {
			e.metrics.CountVerdict(d, v)
			e.underway.count(soFar)
			e.logVerdict(d, v)
			if p.done != nil {
				p.done(d, v, soFar)
			}
		},
	})
}

// recover settles what a process that died left behind.
func (e *engine) recover(ctx context.Context) error {
	if err := e.store.Shred(ctx, e.now()); err != nil {
		return err
	}
	return settleOrphans(ctx, e.store, e.config, e.log, e.now)
}

// settleOrphans is for the holder of the ledger's lock, with no run under way.
func settleOrphans(ctx context.Context, s ledger, c *Config, log *slog.Logger, now pipeline.Clock) error {
	at := now()
	returned, doubted, err := s.Recover(ctx, at, judgeOrphan(c, at))
	if err != nil {
		return err
	}
	if returned+doubted > 0 {
		log.Warn("settled what a process that ended left behind", "put_back", returned, "in_doubt", doubted)
	}
	if doubted > 0 && !c.Plan.Plan().ResendDoubt {
		log.Warn("mails in doubt wait for you, as plan.on_doubt says; see 'alta status' and 'alta resend --doubt'", "mails", doubted)
	}
	return nil
}

// judgeOrphan says what becomes of a delivery whose owner is gone.
func judgeOrphan(c *Config, now time.Time) store.JudgeOrphan {
	plan := c.Plan.Plan()
	return func(d *pipeline.Delivery, begun bool) pipeline.Verdict {
		switch {
		case begun:
			return plan.JudgeOrphan(d, now)
		case c.Public.lasting():
			return pipeline.PutBack(d, d.DueAt) // nothing is minted for a mail
		}
		return plan.JudgeClaimed(d, now, c.Capa.LeastLife())
	}
}
