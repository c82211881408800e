package app

import (
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// prospect is what comes next for the user, or why nothing does. It is pure.
func (x explanation) prospect(plan pipeline.Plan, now time.Time) web.Prospect {
	if open, ok := x.open(); ok {
		return x.openProspect(open, plan, now)
	}
	return x.noProspect(plan)
}

func (x explanation) open() (store.DeliveryRecord, bool) {
	for _, d := range x.deliveries {
		switch d.State {
		case pipeline.Due, pipeline.Claimed, pipeline.Sending, pipeline.Held, pipeline.InDoubt:
			return d, true
		}
	}
	return store.DeliveryRecord{}, false
}

func (x explanation) openProspect(d store.DeliveryRecord, plan pipeline.Plan, now time.Time) web.Prospect {
	p := web.Prospect{Step: d.Step, Round: d.Round, Code: d.Code, Reason: d.Reason, Mails: x.user.History.Mails}
	switch d.State {
	case pipeline.Claimed, pipeline.Sending:
		p.Kind = web.NextUnderway
		if x.idle {
			p.Kind = web.NextInterrupted
		}
	case pipeline.Held:
		p.Kind = web.NextHeld
		if d.Code == store.OperatorHold {
			p.Kind = web.NextHeldByHand
		}
	case pipeline.InDoubt:
		p.Kind = web.NextDoubt
	default:
		x.due(&p, d, plan, now)
	}
	return p
}

// due tells when a mail that is due goes out.
func (x explanation) due(p *web.Prospect, d store.DeliveryRecord, plan pipeline.Plan, now time.Time) {
	if p.Pause = x.pause(); p.Pause != nil {
		p.Ripe = p.Pause.Ripe(now)
	}
	p.At = d.DueAt
	if d.DueAt.After(now) {
		p.Kind = web.NextLater
		return
	}
	probe := pipeline.Delivery{User: x.user.User, History: x.user.History, Step: d.Step, Operator: d.Operator}
	until, night := plan.Defer(&probe, now)
	switch v, wait := plan.Admit(&probe, now); {
	case night && v.State == pipeline.Due:
		p.Kind, p.At = web.NextHours, until
	case wait && v.State == pipeline.Due:
		p.Kind, p.At = web.NextPlan, v.DueAt
	case wait:
		p.Kind, p.Code, p.Reason = web.NextCancel, v.Code, v.Reason
	default:
		p.Kind = web.NextNow
	}
}

// pause is the one that sending to the user waits for, nil for none.
func (x explanation) pause() *pipeline.Pause {
	for _, p := range x.pauses {
		if p.IsOutage() || p.Country == x.user.User.Country && p.Type == x.user.User.Type {
			return &p
		}
	}
	return nil
}

func (x explanation) noProspect(plan pipeline.Plan) web.Prospect {
	p := web.Prospect{Status: x.user.User.Status, Mails: x.user.History.Mails}
	switch {
	case p.Status != pipeline.Pending:
		p.Kind = web.NoneStatus
		return p
	case x.user.Withdrawn:
		p.Kind = web.NoneWithdrawn
		return p
	case x.user.AddressBad:
		p.Kind = web.NoneAddress
		return p
	}
	if n := len(x.deliveries); n > 0 {
		last := x.deliveries[n-1]
		p.Step, p.Round, p.Code, p.Reason = last.Step, last.Round, last.Code, last.Reason
		if last.State == pipeline.Failed {
			p.Kind = web.NoneFailed
			return p
		}
		if last.Code == "plan_changed" {
			p.Kind = web.NonePlanChanged
			return p
		}
	}
	p.Kind = web.NoneOver
	if p.Mails >= plan.MaxMails {
		p.Kind = web.NoneMost
	}
	return p
}
