package fleet

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

const (
	// A claimed delivery has its place in River's queue. So many are kept there for
	// each worker of the fleet that none is ever idle, and no more, so that an outage
	// or an operator's mail meets a short queue.
	claimedPerWorker = 4
	fewestClaimed    = 128
	mostClaimed      = 4096
	mostAtOnce       = postgres.MostClaimed

	topUpEvery    = 100 * time.Millisecond
	ticksInVain   = 10  // after a look that found nothing, while mails are under way
	turnsInWindow = 100 // how many machines there are is asked again so often
)

// errHandedOver says that another machine goes on with the run.
var errHandedOver = errors.New("the run goes on elsewhere")

// running is a run that this machine pulls for.
type running struct {
	*Member
	postgres.FleetRun
}

// deliver claims what is due, a window at a time, until nothing is, an outage stops
// the run, or this machine has to hand it over.
func (r *running) deliver(ctx context.Context) (report pipeline.Report, err error) {
	r.Log.Debug("run begins", "run", r.FleetRun.ID, "trigger", r.Trigger)
	if !r.Prepared {
		allowed, approvedAt, whyNot, err := r.prepare(ctx)
		if err != nil && r.draining.Load() && r.Schedule == nil {
			return r.stop(context.WithoutCancel(ctx))
		}
		if err != nil && r.draining.Load() {
			return report, r.handOver(context.WithoutCancel(ctx))
		}
		if f, ok := errors.AsType[*pipeline.Fault](err); err != nil && !(ok && f.Code == pipeline.LedgerCode) {
			return report, &failure{err}
		}
		if err != nil || whyNot != "" {
			report.Outage = whyNot
			return report, err
		}
		if err := r.Ledger.PrepareRun(ctx, r.FleetRun.ID, r.id, allowed, approvedAt); err != nil {
			return report, err
		}
		r.ApprovedAt = approvedAt
	}
	only := store.Everything
	if r.Trigger == store.ByResend {
		only = store.OperatorsOnly
	}
	queue := r.Ledger.Queue(r.FleetRun.ID, only).On(r.id, deliverJobs(r.river))
	window, err := r.window(ctx)
	if err != nil {
		return report, err
	}
	ticks := time.NewTicker(topUpEvery)
	defer ticks.Stop()
	busy := false // something was in hand since the last look for more
	vain := 0     // ticks since a look that found nothing
	for probing, turn := false, 1; ; turn++ {
		if r.draining.Load() && r.Schedule == nil && !r.leaving.Load() {
			return r.stop(context.WithoutCancel(ctx))
		}
		if ctx.Err() != nil || r.draining.Load() {
			return report, r.handOver(context.WithoutCancel(ctx))
		}
		if turn%turnsInWindow == 0 {
			if window, err = r.window(ctx); err != nil {
				return report, err
			}
		}
		p, err := r.progress(ctx)
		if err != nil {
			return p.Report, err
		}
		busy = busy || p.InHand > 0
		stopped := p.Report.Outage != ""
		if stopped && p.InHand > 0 {
			if err := r.Ledger.Release(ctx, r.FleetRun.ID, r.Clock.Now()); err != nil {
				return p.Report, err
			}
		}
		vain--
		// A probe's result decides what may be pulled next.
		look := p.InHand == 0 || !probing && vain <= 0
		if room := window - p.InHand; !stopped && look && room >= min(window/4, mostAtOnce) {
			claimed, batch, err := queue.Claim(ctx, r.Clock.Now(), min(room, mostAtOnce))
			if err != nil {
				return p.Report, err
			}
			probing = batch.Probe
			if claimed > 0 {
				busy = true
				if !probing {
					continue
				}
			} else if p.InHand == 0 && !busy {
				return withOutage(p.Report, batch.Pauses, r.Clock.Now()), nil
			}
			busy = claimed > 0
			if !busy {
				vain = ticksInVain
			}
		} else if stopped && p.InHand == 0 {
			return p.Report, nil
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

// prepare does not keep a machine from leaving: the source can be long.
func (r *running) prepare(ctx context.Context) (allowed pipeline.Allowance, approvedAt time.Time, whyNot string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.wave.stopped, cancel)()
	return r.Work.Prepare(ctx, r.FleetRun)
}

// progress is how far the run has got, as long as it is this machine's.
func (r *running) progress(ctx context.Context) (p postgres.Progress, err error) {
	p, err = r.Ledger.Progress(ctx, r.FleetRun.ID)
	if err == nil && p.Machine != r.id {
		err = postgres.ErrRunLost
	}
	return p, err
}

// window is how many deliveries may be claimed at a time.
func (r *running) window(ctx context.Context) (int, error) {
	machines, err := r.Ledger.Machines(ctx, r.Clock.Now())
	workers := 0
	for _, m := range machines {
		workers += m.Workers
	}
	return min(max(claimedPerWorker*workers, fewestClaimed), mostClaimed), err
}

// withOutage reports an outage that is still in force, as [pipeline.Run] does.
func withOutage(r pipeline.Report, pauses []pipeline.Pause, now time.Time) pipeline.Report {
	for _, p := range pauses {
		if p.IsOutage() && r.Outage == "" && (r.Selected > 0 || !p.Ripe(now)) {
			r.Outage = p.Reason
		}
	}
	return r
}

// handOver lets another machine go on with the run.
func (r *running) handOver(ctx context.Context) error {
	if err := r.Ledger.HandOver(ctx, r.FleetRun.ID, r.id, carryOn(r.river)); err != nil {
		return err
	}
	return errHandedOver
}

// ErrStopped marks a run in the ledger that was told to stop before its end.
var ErrStopped = errors.New("stopped before its end; the next run goes on")

// stop ends a run that was made for somebody who waits no longer, once the mails on
// the wire are recorded.
func (r *running) stop(ctx context.Context) (pipeline.Report, error) {
	ticks := time.NewTicker(topUpEvery)
	defer ticks.Stop()
	for {
		p, err := r.progress(ctx)
		if err != nil {
			return p.Report, err
		}
		if p.InHand == 0 {
			return p.Report, &failure{ErrStopped}
		}
		// Nobody waits for it here: it may be another machine's run that this one has
		// taken over, and a mail in hand may have nobody here that begins it.
		if r.leaving.Load() {
			return p.Report, r.handOver(ctx)
		}
		if err := r.Ledger.Release(ctx, r.FleetRun.ID, r.Clock.Now()); err != nil {
			return p.Report, err
		}
		<-ticks.C
	}
}

// finish writes down how the run ended.
func (r *running) finish(ctx context.Context, report pipeline.Report, failure error) error {
	if failure == nil && report.Selected == 0 && report.Outage == "" {
		report.Outage, failure = r.Work.Probe(ctx)
	}
	now := r.Clock.Now()
	report.DurationMS = now.Sub(r.StartedAt).Milliseconds()
	e := postgres.Ending{Run: r.FleetRun.ID, Machine: r.id, Report: report, Failure: failure, ApprovedAt: r.ApprovedAt, Kind: pullArgs{}.Kind()}
	if r.Trigger != store.ByCommand && (failure != nil || report.Outage != "") {
		e.Again = runAgain(r.river, now.Add(againAfter))
	}
	if err := r.Ledger.EndRun(ctx, e, now); err != nil {
		return err // River brings the job again
	}
	r.Work.Ended(r.FleetRun, report, failure)
	return nil
}
