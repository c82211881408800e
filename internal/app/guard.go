package app

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
	"alta/store"
)

// guarded delivers what is due, unless that is far more than usual and nobody
// has approved it. A resend was approved by who asked for it.
func (e *engine) guarded(ctx context.Context, id int64, p pass) (report pipeline.Report, err error) {
	operators := e.file.Queue(id, store.OperatorsOnly)
	if p.trigger == store.ByResend {
		return e.pipe(ctx, operators, operators, p)
	}
	o, allowed, err := e.judge(ctx, p)
	if err != nil {
		return report, err
	}
	if allowed.WhyNot != "" {
		report.Outage = allowed.WhyNot
		return report, nil
	}
	q := e.file.Queue(id, store.Everything)
	if allowed.Most == 0 {
		return e.pipe(ctx, q, q, p)
	}
	report, err = e.pipe(ctx, q, pipeline.Bound(q, operators, allowed.Most), p)
	if allowed.Approved {
		err = errors.Join(err, e.store.SpendApproval(context.WithoutCancel(ctx), o.Approval, report.Sent))
	}
	if report.Selected >= allowed.Most && err == nil && ctx.Err() == nil {
		err = e.noteRest(ctx, allowed.Most)
	}
	return report, err
}

// noteRest says what fell due while a run sent all that the guard allows.
func (e *engine) noteRest(ctx context.Context, most int) error {
	o, err := e.store.Outlook(ctx, e.now())
	if o.Due > 0 {
		e.log.Warn("the run ended at what the guard allows; the next one judges the rest", "allowed", most, "due", o.Due)
	}
	return err
}

// judge asks the guard about the run. An operator's yes is written down only
// where it is needed.
func (e *engine) judge(ctx context.Context, p pass) (o pipeline.Outlook, allowed pipeline.Allowance, err error) {
	guard, now := e.config.Guard.Guard(), e.now()
	if o, err = outlook(ctx, e.store, p.limit, now); err != nil {
		return o, allowed, err
	}
	allowed = guard.Judge(o)
	if allowed.WhyNot != "" && p.yes != nil {
		o.Approval = pipeline.Approve(o.Due, now)
		if err := e.store.Approve(ctx, o.Approval, *p.yes); err != nil {
			return o, allowed, err
		}
		allowed = guard.Judge(o)
	}
	if o.Approval.Mails > 0 {
		err = e.store.TakeApproval(ctx, o.Approval)
	}
	return o, allowed, err
}

// outlook is what the guard judges a run by that pulls at most limit mails; 0 is
// no limit.
func outlook(ctx context.Context, s ledger, limit int, now time.Time) (pipeline.Outlook, error) {
	o, err := s.Outlook(ctx, now)
	if limit > 0 {
		o.Due = min(o.Due, limit)
	}
	return o, err
}

// asked tells which run an operator waits for, if any: one that was approved, or
// one for resends.
func (e *engine) asked(ctx context.Context) (by store.Trigger, due bool, err error) {
	if due, err = e.store.ApprovalWaits(ctx, e.now()); err != nil || due {
		return store.ByCommand, due, err
	}
	due, err = e.store.OperatorDue(ctx, e.now())
	return store.ByResend, due, err
}
