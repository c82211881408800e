package app

import (
	"context"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// Resend implements [web.UserDesk].
func (c clerk) Resend(ctx context.Context, id string, force bool, by web.Act) (web.WhyNot, error) {
	r, err := c.find(ctx, id)
	if err != nil {
		return web.WhyNot{}, err
	}
	now := c.now()
	if left := c.plan.GapLeft(r.History, now); left > 0 && !force && r.User.Status == pipeline.Pending {
		return web.WhyNot{Code: web.NotInGap, Ago: now.Sub(r.History.LastAt), Left: left}, nil
	}
	whyNot, err := c.store.Resend(ctx, id, pipeline.ResendStep(r.History), force, actOf(by), now)
	if err == nil && whyNot == "" {
		err = c.beginRun(ctx, store.ByResend)
	}
	return c.whyNot(ctx, id, whyNot, err)
}

// Hold implements [web.UserDesk].
func (c clerk) Hold(ctx context.Context, id string, by web.Act) (web.WhyNot, error) {
	whyNot, err := c.store.Hold(ctx, id, actOf(by), c.now())
	return c.whyNot(ctx, id, whyNot, err)
}

// Release implements [web.UserDesk].
func (c clerk) Release(ctx context.Context, id string, by web.Act) (web.WhyNot, error) {
	whyNot, err := c.store.Unhold(ctx, id, actOf(by), c.now())
	return c.whyNot(ctx, id, whyNot, err)
}

// Mark implements [web.UserDesk].
func (c clerk) Mark(ctx context.Context, id string, status pipeline.Status, by web.Act) (web.WhyNot, error) {
	r, err := c.find(ctx, id)
	switch {
	case err != nil:
		return web.WhyNot{}, err
	case r.User.Status == pipeline.Erased:
		return web.WhyNot{Code: web.NotErased}, nil
	case r.User.Status == status:
		return web.WhyNot{Code: web.NotSame}, nil
	}
	return web.WhyNot{}, unknownUser(c.store.Mark(ctx, id, status, planner(c.plan, c.now), actOf(by), c.now()))
}

// Erase implements [web.UserDesk].
func (c clerk) Erase(ctx context.Context, id string, by web.Act) (web.WhyNot, error) {
	r, err := c.find(ctx, id)
	switch {
	case err != nil:
		return web.WhyNot{}, err
	case r.User.Status == pipeline.Erased:
		return web.WhyNot{Code: web.NotErased}, nil
	}
	deliveries, err := c.store.Deliveries(ctx, id)
	if err != nil {
		return web.WhyNot{}, err
	}
	if open, ok := (explanation{deliveries: deliveries}).open(); ok && (open.State == pipeline.Claimed || open.State == pipeline.Sending) {
		return web.WhyNot{Code: web.NotUnderway}, nil
	}
	return web.WhyNot{}, unknownUser(c.store.Erase(ctx, id, actOf(by), c.now()))
}

// whyNot says why the ledger refused an act in the words of the page.
func (c clerk) whyNot(ctx context.Context, id, refused string, err error) (web.WhyNot, error) {
	if err != nil || refused == "" {
		return web.WhyNot{}, unknownUser(err)
	}
	codes := map[string]web.WhyNotCode{
		store.OnItsWay: web.NotUnderway, store.NothingDue: web.NotDue, store.HeldAlready: web.NotAgain,
		store.WaitsAlready: web.NotWaiting, store.NotHeld: web.NotHeld,
	}
	if code, ok := codes[refused]; ok {
		return web.WhyNot{Code: code}, nil
	}
	r, err := c.find(ctx, id)
	switch {
	case err != nil:
		return web.WhyNot{}, err
	case r.User.Status != pipeline.Pending && r.User.Status != pipeline.OptedOut:
		return web.WhyNot{Code: web.NotByStatus, Status: r.User.Status}, nil
	case r.Withdrawn:
		return web.WhyNot{Code: web.NotWithdrawn}, nil
	}
	return web.WhyNot{Code: web.NotOther, Text: refused}, nil
}
