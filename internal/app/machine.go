package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"alta/internal/fleet"
	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// machine is this process as one machine of the fleet. It implements [fleet.Work]:
// what a single alta does under its lock, here as the fleet asks for it.
type machine struct {
	*engine
	ledger sharedLedger
	member *fleet.Member

	mu    sync.Mutex
	done  func(*pipeline.Delivery, pipeline.Verdict, pipeline.Report) // of the pass that somebody waits for
	soFar pipeline.Report
}

// join makes this process a machine of the fleet. schedule is nil for one that
// joins for a run that somebody waits for.
func (e *engine) join(ctx context.Context, l sharedLedger, schedule *ScheduleConfig) (*machine, error) {
	m := &machine{engine: e, ledger: l}
	o := fleet.Options{
		Ledger: l.Store, Clock: l.clock, Work: m, Log: e.log,
		Name: machineName(e.config.Fleet.Name), Version: version(), Workers: e.config.Plan.Workers, MinGap: e.plan.MinGap,
		Lease: e.config.Fleet.Lease, Longest: longestMail(e.config),
	}
	if schedule != nil {
		o.Schedule, o.Zone = schedule.Schedule, schedule.Location
		o.SlotAt = func(now time.Time) time.Time { return slotAt(schedule.Schedule, schedule.Location, now) }
	}
	var err error
	if m.member, err = fleet.Join(ctx, o); err != nil {
		return nil, err
	}
	return m, nil
}

// machineName makes the name of this process unique: the host's, or the one that
// the configuration gives, may stand for several.
func machineName(configured string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "machine"
	}
	return fmt.Sprintf("%s-%d-%04x", cmp.Or(configured, host), os.Getpid(), rand.N(1<<16))
}

// longestMail is longer than any mail takes, even when every mail ahead of it takes
// as long as it may: ten steps at the partner API, the steps of SMTP on a connection
// that has to be made, and the wait for the answer to the whole. A machine may have
// one connection for all its workers, and a small share of the rate.
//
// River hands the job of a mail that takes longer to another machine, and the mail
// would be in doubt. What a dead machine had in hand waits for its lease and not
// for this, so that nothing is won by a shorter time.
func longestMail(c *Config) time.Duration {
	const steps = 10
	mail := steps*c.SMTP.Timeout + max(c.SMTP.DotTimeout, c.SMTP.Timeout) + steps*c.Capa.Timeout
	seconds := mail.Seconds()
	for _, rate := range []float64{c.SMTP.Rate, c.Capa.Rate} {
		if rate > 0 {
			seconds += manyMachines / rate
		}
	}
	return time.Duration(min(float64(c.Plan.Workers)*seconds, longestJob.Seconds()) * float64(time.Second))
}

// longestJob bounds what a small rate makes of it.
const longestJob = 30 * 24 * time.Hour

// manyMachines is among how many the rates may be divided.
const manyMachines = 100

// run implements [right]: it asks the fleet for a run and waits for its end,
// whichever machines make it.
func (m *machine) run(ctx context.Context, p pass) (report pipeline.Report, err error) {
	m.mu.Lock()
	m.done, m.soFar = p.done, pipeline.Report{}
	m.mu.Unlock()
	settle := context.WithoutCancel(ctx)
	if p.yes != nil {
		report.Outage, err = m.sayYes(ctx, p)
		if ctx.Err() != nil {
			return report, nil // told to stop before anything was begun
		}
		if err != nil || report.Outage != "" {
			return report, err
		}
	}
	job, err := m.member.Ask(settle, p.trigger, p.limit)
	if err != nil {
		return report, err
	}
	began := m.now()
	report, err = m.wait(ctx, job)
	report.DurationMS = m.now().Sub(began).Milliseconds()
	return report, err
}

// sayYes approves the run in the ledger, if the guard would stop it. The yes is for
// what the source brings, too, so that it is pulled before. whyNot is what kept it
// from being pulled.
func (m *machine) sayYes(ctx context.Context, p pass) (whyNot string, err error) {
	if whyNot, err = m.pullSource(ctx); err != nil || whyNot != "" {
		return whyNot, err
	}
	now := m.now()
	o, err := outlook(ctx, m.store, p.limit, now)
	if err != nil || m.config.Guard.Guard().Judge(o).WhyNot == "" {
		return "", err
	}
	return "", m.store.Approve(ctx, pipeline.Approve(o.Due, now), *p.yes)
}

// pullSource pulls the source, if there is one, behind a pass that another machine
// makes: two at once would end each other. One that was ended like that is made
// again. whyNot is what kept the source from being read.
func (m *machine) pullSource(ctx context.Context) (whyNot string, err error) {
	if m.config.Source.SQLite == "" {
		return "", nil
	}
	for again := true; again; again = errors.Is(err, postgres.ErrOtherPass) {
		if err := m.awaitPass(ctx); err != nil {
			return "", err
		}
		err = m.engine.pullSource(ctx)
	}
	if fault, ok := errors.AsType[*pipeline.Fault](err); ok && fault.Code != pipeline.LedgerCode {
		return fault.Reason, nil
	}
	return "", err
}

// awaitPass waits for the end of a pass over the source that another machine makes.
func (m *machine) awaitPass(ctx context.Context) error {
	ticks := time.NewTicker(passEvery)
	defer ticks.Stop()
	for said := false; ; said = true {
		underWay, err := m.ledger.PassUnderWay(ctx)
		if err != nil || !underWay {
			return err
		}
		if !said {
			m.log.Info("the source is being pulled by another machine, or was until a moment ago; waiting for that")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

const (
	// passEvery is how often somebody who waits for another's pass over the source
	// looks whether it has ended.
	passEvery = time.Second
	// lookEvery is how often somebody who waits for a run looks whether it has ended,
	// and lookWithin how long one look may take.
	lookEvery  = 50 * time.Millisecond
	lookWithin = 10 * time.Second
	// longestSilence is how long a ledger that does not answer is asked again. The run
	// goes on meanwhile, here or on other machines.
	longestSilence = time.Minute
)

// wait returns the report of the run that the job began, by all machines. When ctx
// ends the run ends early; what is on the wire is still brought to its end.
func (m *machine) wait(ctx context.Context, job int64) (report pipeline.Report, err error) {
	settle := context.WithoutCancel(ctx)
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	var run postgres.Begun
	var silent time.Time // since when the ledger has not answered
	for told := ctx.Done(); ; {
		look, cancel := context.WithTimeout(settle, lookWithin)
		now, err := m.ledger.RunOfJob(look, job)
		cancel()
		if err == nil {
			run = now // what was known stays known while the ledger does not answer
		}
		switch {
		case err != nil && silent.IsZero():
			silent = m.now()
		case err != nil && m.now().Sub(silent) >= longestSilence:
			return report, err
		case err != nil:
		case told == nil && run.Run == 0:
			return report, m.member.Withdraw(settle, job)
		// A run that other machines make goes on without this one.
		case run.Ended, told == nil && run.Machine != m.member.ID():
			return m.reportOf(settle, run.Run)
		default:
			silent = time.Time{}
		}
		select {
		case <-ticks.C:
		case err := <-m.member.Lost():
			return report, fmt.Errorf("this machine must not work on the ledger any more: %w", err)
		case <-told:
			m.member.Drain()
			told = nil
		}
	}
}

// reportOf is what a run has come to, and the error that ended it.
func (m *machine) reportOf(ctx context.Context, run int64) (pipeline.Report, error) {
	p, err := m.ledger.Progress(ctx, run)
	if err == nil && p.Error != "" && p.Error != fleet.ErrStopped.Error() {
		err = errors.New(p.Error)
	}
	return p.Report, err
}

// Prepare implements [fleet.Work].
func (m *machine) Prepare(ctx context.Context, run postgres.FleetRun) (allowed pipeline.Allowance, approvedAt time.Time, whyNot string, err error) {
	// A resend was approved by who asked for it, and waits for nobody's source.
	if run.Trigger == store.ByResend {
		return allowed, approvedAt, "", nil
	}
	if whyNot, err = m.pullSource(ctx); err != nil || whyNot != "" {
		return allowed, approvedAt, whyNot, err
	}
	o, allowed, err := m.judge(ctx, pass{limit: run.AtMost})
	if allowed.Approved {
		approvedAt = o.Approval.GivenAt
	}
	return allowed, approvedAt, allowed.WhyNot, err
}

// Deliver implements [fleet.Work].
func (m *machine) Deliver(q *postgres.Queue) pipeline.Deliver { return m.deliver(q) }

// Judge implements [fleet.Work].
func (m *machine) Judge(d *pipeline.Delivery, begun bool) pipeline.Verdict {
	return judgeOrphan(m.config, m.now())(d, begun)
}

// Probe implements [fleet.Work].
func (m *machine) Probe(ctx context.Context) (outage string, err error) { return m.probePause(ctx) }

// Divide implements [fleet.Work].
func (m *machine) Divide(s fleet.Share) (usable bool) {
	mails, calls := s.Connections(m.config.SMTP.Connections), s.Connections(m.config.Capa.Connections)
	// A machine without a connection needs no part of a rate.
	rate := s.Among(min(m.config.SMTP.Connections, m.config.Capa.Connections)).Rate
	m.mailer.SetConnections(mails)
	if m.config.Public.lasting() {
		// Only clicks call the partner API, on every machine, and none may be left waiting
		// because it has no share: there may be more connections then, by one for each
		// such machine.
		m.capa.SetShare(max(calls, 1), s.Rate(m.config.Capa.Rate))
		calls = max(calls, 1)
	} else {
		m.capa.SetShare(calls, rate(m.config.Capa.Rate))
	}
	if l, ok := m.smtp.(*turnstile); ok && s.Machines > 0 {
		l.setRate(rate(m.config.SMTP.Rate))
	}
	m.log.Debug("this machine's share of the limits", "machines", s.Machines, "smtp_connections", mails, "capa_connections", calls)
	return mails > 0 && calls > 0
}

// Settled implements [fleet.Work].
func (m *machine) Settled(d *pipeline.Delivery, v pipeline.Verdict) {
	m.metrics.CountVerdict(d, v)
	m.logVerdict(d, v)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.soFar.Count(v)
	if m.done != nil {
		m.done(d, v, m.soFar)
	}
}

// Ended implements [fleet.Work].
func (m *machine) Ended(run postgres.FleetRun, r pipeline.Report, failure error) {
	m.metrics.CountRun(string(run.Trigger), result(r, failure), m.now())
	m.logRun(run.ID, pass{trigger: run.Trigger, slot: run.Slot, logged: true}, r, failure)
}
