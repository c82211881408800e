package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// shownDays is how many days of mails the overview shows.
const shownDays = 30

// overlook reads how everything stands, for the operator's page. It implements
// [web.Overviewer] and [web.LiveRuns].
type overlook struct{ *engine }

// Overview implements [web.Overviewer].
func (o overlook) Overview(ctx context.Context) (web.Overview, error) {
	now := o.now()
	found, err := o.store.Overview(ctx, now)
	if err != nil {
		return web.Overview{}, err
	}
	zone := o.config.Schedule.Location
	v := web.Overview{
		Queue: queueFigures(found.Queue), Pauses: found.Pauses, Days: mailDays(found.Mails, now, zone), Verified: timeBuckets(found.Verified),
		NextRun: o.config.Schedule.Schedule.Next(now.In(zone)),
	}
	for _, f := range found.Funnel {
		v.Funnel = append(v.Funnel, web.FunnelPart{
			Country: f.Country, Waiting: f.Waiting, Mailed: f.Mailed - f.Opened, Opened: f.Opened, InReview: f.InReview, Verified: f.Verified,
			Rejected: f.Rejected, OptedOut: f.OptedOut, Erased: f.Erased, Undeliverable: f.BadEmail, Withdrawn: f.Withdrawn,
		})
	}
	for _, r := range found.Runs {
		v.Runs = append(v.Runs, web.RunRow{
			ID: r.ID, Trigger: string(r.Trigger), StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, Error: r.Error, Report: r.Report,
		})
	}
	if v.Guard, err = o.guardStop(ctx, now); err != nil {
		return web.Overview{}, err
	}
	v.Fleet, err = o.fleet(ctx, now)
	return v, err
}

// guardStop tells of a run that the guard would stop now.
func (o overlook) guardStop(ctx context.Context, now time.Time) (*web.GuardStop, error) {
	ahead, err := outlook(ctx, o.store, 0, now)
	if err != nil || o.config.Guard.Guard().Judge(ahead).WhyNot == "" {
		return nil, err
	}
	return &web.GuardStop{Due: ahead.Due, Usual: ahead.Sent}, nil
}

func (o overlook) fleet(ctx context.Context, now time.Time) (*web.Fleet, error) {
	if _, shared := o.store.(sharedLedger); !shared {
		return nil, nil
	}
	found, err := fleetOf(ctx, o.store, now)
	if err != nil {
		return nil, err
	}
	f := &web.Fleet{}
	for _, m := range found.machines {
		f.Machines = append(f.Machines, web.MachineRow{
			Name: m.Name, Version: m.Version, Leads: m.Leads, Draining: m.Draining, Workers: m.Workers,
			Preparing: m.Claimed, Sending: m.Sending, StartedAt: m.StartedAt, SeenAt: m.SeenAt,
		})
	}
	for _, q := range found.paused {
		f.Paused = append(f.Paused, web.PausedQueue{Name: q.Name, Since: q.Since})
	}
	return f, nil
}

// LiveRun implements [web.LiveRuns]. How much is due is counted each time, since more
// falls due while a run goes on.
func (o overlook) LiveRun(ctx context.Context) (*web.LiveRun, error) {
	const several = 4 // runs that may have begun after the one under way
	runs, err := o.store.Runs(ctx, several)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(runs, func(r store.Run) bool { return r.FinishedAt.IsZero() })
	if i < 0 {
		return nil, nil
	}
	r := runs[i]
	live := &web.LiveRun{ID: r.ID, Trigger: string(r.Trigger), StartedAt: r.StartedAt, SoFar: r.Report}
	if soFar, here := o.underway.of(r.ID); here {
		live.SoFar = soFar
	}
	due, err := o.store.CountDue(ctx, o.now())
	live.Due = live.SoFar.Selected + due
	return live, err
}

// underway is how far the run of this process is. A ledger in a file holds the
// figures of a run only once it has ended. Its zero value is of no run.
type underway struct {
	mu    sync.Mutex
	run   int64
	soFar pipeline.Report
}

// begin notes the run that begins; the figures of the one before are gone.
func (u *underway) begin(run int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.run, u.soFar = run, pipeline.Report{}
}

func (u *underway) count(soFar pipeline.Report) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.soFar = soFar
}

func (u *underway) of(run int64) (soFar pipeline.Report, here bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.soFar, u.run == run
}

func queueFigures(q store.QueueStatus) web.QueueFigures {
	return web.QueueFigures{
		Due: q.DueNow, Later: q.Later, Retry: q.Retry, Preparing: q.Claimed, Sending: q.Sending,
		Held: q.Held, Doubt: q.Doubt, Failed: q.Failed, OldestDue: q.OldestDue, NextDue: q.NextDue,
	}
}

// mailDays adds hours up to the latest days of the zone, whose hours may begin at any
// minute of the day.
func mailDays(hours []store.MailsInHour, now time.Time, zone *time.Location) []web.MailDay {
	year, month, day := now.In(zone).Date()
	days := make([]web.MailDay, shownDays)
	byDate := map[string]*web.MailDay{}
	for i := range days {
		days[i].Day = time.Date(year, month, day-shownDays+1+i, 0, 0, 0, 0, zone)
		// Where clocks jump over midnight, the moment is still on that day.
		byDate[time.Date(year, month, day-shownDays+1+i, 12, 0, 0, 0, zone).Format(time.DateOnly)] = &days[i]
	}
	for _, h := range hours {
		d := byDate[h.Hour.In(zone).Format(time.DateOnly)]
		if d == nil {
			continue // before the first day
		}
		switch h.Step {
		case pipeline.Invite:
			d.Invites += h.Mails
		case pipeline.Reminder:
			d.Reminders += h.Mails
		default:
			d.Reissue += h.Mails
		}
	}
	return days
}

// timeBuckets adds the countries up.
func timeBuckets(counts []store.VerifiedWithin) (buckets []web.TimeBucket) {
	for _, within := range store.Within() {
		b := web.TimeBucket{UpTo: within}
		for _, c := range counts {
			if c.Within == within {
				b.Users += c.Users
			}
		}
		buckets = append(buckets, b)
	}
	return buckets
}
