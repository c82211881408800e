package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"alta/store"
)

const (
	lockEvery  = time.Second     // how often a second process asks for the lock
	ringEvery  = time.Second     // how soon a slot that has come is seen
	watchEvery = 2 * time.Second // how soon an operator's resend is seen
	quietFor   = 5 * time.Minute // after a resend that an outage stopped
	againAfter = 5 * time.Minute // after a run of the schedule that did not go well
)

// daemon makes runs by the schedule until it is told to stop.
type daemon struct {
	*engine
	mu      sync.Mutex     // held by the run under way
	serving atomic.Bool    // a run of the schedule is under way, or waits for another one to end
	runs    sync.WaitGroup // of the schedule
	owed    atomic.Pointer[owed]
	unread  seldom // how often it was said that the ledger can't be read
}

// owed is a run that makes up for one that did not go well. Where slots lie far
// apart, a lock that somebody held for a minute must not cost a day.
type owed struct {
	from time.Time
	slot time.Time // of the run that did not go well
}

// serve runs the daemon until ctx ends, and then until the mails on the wire
// are recorded.
func (e *engine) serve(ctx context.Context) (err error) {
	if shared, ok := e.store.(sharedLedger); ok {
		return e.serveInFleet(ctx, shared)
	}
	d := &daemon{engine: e}
	return e.serveAlone(ctx, d.keepSchedule)
}

// serveAlone serves while work, which makes the runs, goes on: this process has the
// ledger for itself.
func (e *engine) serveAlone(ctx context.Context, work func(context.Context) error) (err error) {
	release, err := e.waitForLock(ctx)
	if release == nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := e.recover(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	close, err := e.servePage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, close()) }()
	stopTelling, err := e.tellEvents(ctx)
	if err != nil {
		return err
	}
	defer stopTelling()
	closePublic, err := e.servePublic(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePublic()) }()
	return work(ctx)
}

// serveInFleet serves as one machine of the fleet: River's leader rings the
// schedule.
func (e *engine) serveInFleet(ctx context.Context, l sharedLedger) (err error) {
	close, err := e.servePage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, close()) }()
	stopTelling, err := e.tellEvents(ctx)
	if err != nil {
		return err
	}
	defer stopTelling()
	closePublic, err := e.servePublic(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePublic()) }()
	m, err := e.join(ctx, l, &e.config.Schedule)
	if err != nil {
		return err
	}
	e.log.Info("serving", "version", version(), "config", e.config, "machine", m.member.Name)
	select {
	case <-ctx.Done():
		e.log.Info("stopping: mails on the wire finish, the rest goes back")
	case err = <-m.member.Lost():
		err = &exitError{exitOutage, fmt.Errorf("this machine must not work on the ledger any more: %w", err)}
	}
	return errors.Join(err, m.member.Leave(context.WithoutCancel(ctx)))
}

// waitForLock takes the right to run the pipeline. While another process has
// it this one stands by, ready to take over; it returns nothing when ctx ends
// first.
func (e *engine) waitForLock(ctx context.Context) (release func() error, err error) {
	ticks := time.NewTicker(lockEvery)
	defer ticks.Stop()
	for said := false; ; said = true {
		release, err := e.store.hold(ctx, false)
		if !errors.Is(err, store.ErrLocked) {
			return release, err
		}
		if !said {
			e.log.Warn("standing by: "+err.Error(), "database", e.store.name())
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-ticks.C:
		}
	}
}

func (d *daemon) keepSchedule(ctx context.Context) error {
	schedule, now := d.config.Schedule, d.now()
	bell := newDoorbell(schedule.Schedule, schedule.Location, now)
	last, complete, err := d.store.LastSlot(ctx, now)
	if err != nil {
		return fmt.Errorf("read the last slot: %w", err)
	}
	d.log.Info("serving", "version", version(), "config", d.config, "next_run", bell.next)

	slot := slotAt(schedule.Schedule, schedule.Location, now)
	missed := !last.IsZero() && slot.After(last) // nothing was missed by who has never run
	switch {
	case missed:
		d.log.Info("a run was missed while alta was down; making it now", "last_slot", last)
		d.begin(ctx, pass{trigger: store.BySchedule, slot: slot})
	case !complete:
		d.log.Info("the latest run did not come to its end; going on with it now", "slot", last)
		d.begin(ctx, pass{trigger: store.BySchedule})
	}
	d.watch(ctx, bell)
	d.log.Info("stopping: mails on the wire finish, the rest goes back")
	d.runs.Wait()
	return nil
}

// watch asks the doorbell, and looks for what operators ask for between the
// runs, until ctx ends. A run under way takes their mails first by itself.
func (d *daemon) watch(ctx context.Context, bell *doorbell) {
	var quiet time.Time // no run for operators before then
	rings, looks := time.NewTicker(ringEvery), time.NewTicker(watchEvery)
	defer rings.Stop()
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rings.C:
			d.ring(ctx, bell)
		case by := <-d.wake:
			d.begin(ctx, pass{trigger: by})
		case <-looks.C:
			by, due, err := d.asked(ctx)
			if err != nil && ctx.Err() == nil && d.unread.due(d.now()) {
				d.log.Error("the ledger could not be read", "error", err)
			}
			if due && !d.now().Before(quiet) && d.mu.TryLock() {
				d.mu.Unlock()
				if !d.pass(ctx, pass{trigger: by}) {
					quiet = d.now().Add(quietFor)
				}
			}
		}
	}
}

// ring begins the run of a slot that has come.
func (d *daemon) ring(ctx context.Context, bell *doorbell) {
	now := d.now()
	if bell.isBack(now) {
		d.log.Warn("the clock went back; until it has caught up, slots that were served are left out", "from", bell.seen, "to", now)
	}
	if slot, rings := bell.at(now); rings {
		d.begin(ctx, pass{trigger: store.BySchedule, slot: slot})
	} else if o := d.owed.Load(); o != nil && !now.Before(o.from) {
		d.begin(ctx, pass{trigger: store.BySchedule, slot: d.unserved(ctx, o.slot)})
	}
}

// unserved returns the slot if no run has begun for it, and no slot otherwise.
func (d *daemon) unserved(ctx context.Context, slot time.Time) time.Time {
	last, _, err := d.store.LastSlot(ctx, d.now())
	if err == nil && slot.After(last) {
		return slot
	}
	return time.Time{}
}

// begin makes a run of the schedule beside the watch, unless the one before it
// still goes on: that one takes what falls due meanwhile.
func (d *daemon) begin(ctx context.Context, p pass) {
	if !d.serving.CompareAndSwap(false, true) {
		if !p.slot.IsZero() { // without one somebody asked for a run, and has this one
			d.log.Warn("a slot was skipped: the run before it still goes on", "slot", p.slot)
		}
		return
	}
	d.owed.Store(nil)
	d.runs.Go(func() {
		defer d.serving.Store(false)
		if !d.pass(ctx, p) {
			d.owed.Store(&owed{from: d.now().Add(againAfter), slot: p.slot})
		}
	})
}

// pass makes one run at a time and logs what ended it early. It returns false
// for a run that an outage, an error or a bug ended.
func (d *daemon) pass(ctx context.Context, p pass) (well bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if bug := recover(); bug != nil {
			well = false
			d.log.Error("the run met a bug, the next one tries again; please report it with the log",
				"type", fmt.Sprintf("%T", bug), "stack", string(debug.Stack()))
		}
	}()
	if ctx.Err() != nil {
		return false
	}
	p.logged = true
	report, err := d.run(ctx, p)
	if err != nil {
		d.log.Error("the run failed; the next one tries again", "error", err)
	}
	return err == nil && report.Outage == ""
}

// ready says whether the ledger can be read and, as far as the latest write has
// shown, be written.
func (e *engine) ready(ctx context.Context) error {
	_, err := e.store.OperatorDue(ctx, e.now())
	err = errors.Join(err, e.store.Trouble())
	if _, shared := e.store.(sharedLedger); shared && err != nil {
		return errors.New("the database does not answer, or can't be written; the log says why") // its own words name user and host
	}
	return err
}
