package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/robfig/cron/v3"

	"alta/internal/web"
	"alta/store"
)

const (
	lockEvery  = time.Second     // how often a second process asks for the lock
	watchEvery = 2 * time.Second // how soon an operator's resend is seen
	quietFor   = 5 * time.Minute // after a resend that an outage stopped
)

// daemon makes runs by the schedule until it is told to stop.
type daemon struct {
	*engine
	mu sync.Mutex // held by the run under way
}

// serve runs the daemon until ctx ends, and then until the mails on the wire
// are recorded.
func (e *engine) serve(ctx context.Context) (err error) {
	lock, err := e.waitForLock(ctx)
	if lock == nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := e.recover(context.WithoutCancel(ctx)); err != nil {
		return err
	}

	if e.config.Operator.Listen != "" {
		server, err := web.Listen(ctx, e.config.Operator.Listen, web.Handler(e.metrics, e.ready), e.log)
		if err != nil {
			status := exitUsage
			if errors.Is(err, syscall.EADDRINUSE) {
				status = exitOutage // it may be free in a moment: worth a restart
			}
			return &exitError{status, fmt.Errorf("%w; see operator.listen", err)}
		}
		e.log.Info("health and metrics are served", "address", server.Addr())
		defer func() { err = errors.Join(err, server.Close()) }()
	}
	d := &daemon{engine: e}
	return d.keepSchedule(ctx)
}

// waitForLock takes the right to run the pipeline. While another process has
// it this one stands by, ready to take over; it returns no lock when ctx ends
// first.
func (e *engine) waitForLock(ctx context.Context) (*store.Lock, error) {
	ticks := time.NewTicker(lockEvery)
	defer ticks.Stop()
	for said := false; ; said = true {
		lock, err := e.store.Lock()
		if !errors.Is(err, store.ErrLocked) {
			return lock, err
		}
		if !said {
			e.log.Warn("standing by: "+err.Error(), "database", e.store.Path())
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-ticks.C:
		}
	}
}

func (d *daemon) keepSchedule(ctx context.Context) error {
	schedule := d.config.Schedule
	log := cronLog{d.log}
	doorbell := cron.New(cron.WithLocation(schedule.Location), cron.WithLogger(log))
	// Recover stands inside SkipIfStillRunning: the other way round a panic
	// would lock the job for ever.
	job := cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log)).Then(cron.FuncJob(func() { d.runSlot(ctx) }))
	doorbell.Schedule(schedule.Schedule, job)

	last, complete, err := d.store.LastSlot(ctx)
	if err != nil {
		return fmt.Errorf("read the last slot: %w", err)
	}
	d.log.Info("serving", "version", version(), "config", d.config,
		"next_run", schedule.Schedule.Next(d.now().In(schedule.Location)))

	doorbell.Start()
	var missed sync.WaitGroup
	switch slot := slotAt(schedule.Schedule, schedule.Location, d.now()); {
	case last.IsZero(): // nothing was missed by who has never run
	case slot.After(last):
		d.log.Info("a run was missed while alta was down; making it now", "last_slot", last)
		missed.Go(job.Run)
	case !complete:
		d.log.Info("the latest run did not come to its end; going on with it now", "slot", last)
		missed.Go(func() { d.pass(ctx, pass{trigger: store.BySchedule}) })
	}
	d.watch(ctx)
	d.log.Info("stopping: mails on the wire finish, the rest goes back")
	<-doorbell.Stop().Done()
	missed.Wait()
	return nil
}

// runSlot makes the run for the slot that the clock has reached.
func (d *daemon) runSlot(ctx context.Context) {
	slot := slotAt(d.config.Schedule.Schedule, d.config.Schedule.Location, d.now())
	d.pass(ctx, pass{trigger: store.BySchedule, slot: slot})
}

// pass makes one run at a time and logs what ended it early. It returns false
// for a run that an outage or an error ended.
func (d *daemon) pass(ctx context.Context, p pass) (well bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
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

// watch looks for what operators ask for between the runs, until ctx ends. A
// run under way takes their mails first by itself.
func (d *daemon) watch(ctx context.Context) {
	var quiet time.Time // no run before then
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			due, err := d.store.OperatorDue(ctx, d.now())
			if err != nil && ctx.Err() == nil {
				d.log.Error("the ledger could not be read", "error", err)
			}
			if due && !d.now().Before(quiet) && d.mu.TryLock() {
				d.mu.Unlock()
				if !d.pass(ctx, pass{trigger: store.ByResend}) {
					quiet = d.now().Add(quietFor)
				}
			}
		}
	}
}

// ready says whether the ledger can be read.
func (e *engine) ready(ctx context.Context) error {
	_, err := e.store.OperatorDue(ctx, e.now())
	return err
}

// cronLog hands the cron library's messages to the log. Its routine ones are
// for debugging only.
type cronLog struct{ log *slog.Logger }

// Info implements [cron.Logger].
func (l cronLog) Info(msg string, args ...any) {
	if msg == "skip" {
		l.log.Warn("a slot was skipped: the run before it still goes on")
		return
	}
	l.log.Debug("cron: "+msg, args...)
}

// Error implements [cron.Logger].
func (l cronLog) Error(err error, msg string, args ...any) {
	l.log.Error("cron: "+msg, append([]any{"error", err}, args...)...)
}
