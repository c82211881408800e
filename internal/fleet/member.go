package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// Work is what the fleet is for, as the program that joins it does it.
type Work interface {
	// Prepare does what comes before a run's first mail: it pulls the source and
	// asks the guard. It returns why the run must not go on, "" when it may.
	Prepare(ctx context.Context, run postgres.FleetRun) (allowed pipeline.Allowance, approvedAt time.Time, whyNot string, err error)
	// Deliver returns what brings one delivery to its end and writes it down in the
	// queue. It is asked for once.
	Deliver(*postgres.Queue) pipeline.Deliver
	// Judge says what becomes of a delivery whose machine is gone.
	Judge(d *pipeline.Delivery, begun bool) pipeline.Verdict
	// Probe looks, with nothing due to try it with, whether an outage is over, and
	// returns why not.
	Probe(ctx context.Context) (outage string, err error)
	// Divide makes the machine keep to its share from now on, and tells whether that
	// is enough to send at all.
	Divide(Share) (usable bool)
	// Settled is told of each verdict that this machine has written down, one at a
	// time.
	Settled(d *pipeline.Delivery, v pipeline.Verdict)
	// Ended is told of the end of each run that this machine has pulled for.
	Ended(run postgres.FleetRun, r pipeline.Report, failure error)
}

// Options say who joins which fleet.
type Options struct {
	Ledger  *postgres.Store
	Clock   *postgres.Clock
	Work    Work
	Log     *slog.Logger
	Name    string // unique among the machines
	Version string // of alta
	Workers int    // mails at once
	MinGap  time.Duration

	// Lease is how long a machine that does not beat keeps what it has in hand.
	Lease time.Duration
	// Longest is how long one mail can take, its waits included. River takes a job
	// that lasts longer for stuck.
	Longest time.Duration

	// Schedule rings on the clock of Zone; nil joins for one run only, and never
	// leads.
	Schedule Schedule
	Zone     *time.Location
	SlotAt   func(time.Time) time.Time // the latest slot up to a moment
}

// Member is this machine in the fleet.
type Member struct {
	Options
	id       int64
	mayLead  bool // it rings the schedule, when River makes it the leader
	river    *client
	queue    *postgres.Queue
	chain    pipeline.Deliver
	wave     *wave
	division division
	usable   atomic.Bool // it has a share, so that it takes deliveries
	queued   bool        // River takes them
	seen     atomic.Pointer[pipeline.Pause]
	lost     chan error // why this machine must not work any more

	beaten, steadySince atomic.Int64 // of the database's clock: the latest beat, and the first of those without a gap

	tidies  int
	share   Share // as Work was told last
	divided bool  // and whether it was

	settling sync.Mutex // Settled is told of one verdict at a time
	beating  sync.WaitGroup
	stopBeat context.CancelFunc
	draining atomic.Bool
	leaving  atomic.Bool // nobody here waits for a run any more, and River takes nothing more
}

// Join makes this machine one of the fleet. The end of ctx does not end it, but
// [Member.Leave] does.
func Join(ctx context.Context, o Options) (*Member, error) {
	m := &Member{Options: o, division: division{wait: 2 * o.beatEvery()}, lost: make(chan error, 1)}
	m.wave = newWave(context.WithoutCancel(ctx))
	skew := o.Clock.Skew()
	m.mayLead = o.Schedule != nil && skew.Abs() <= mostSkew
	if o.Schedule != nil && !m.mayLead {
		o.Log.Error("the clock of this machine is too far from the database's, so that it does not lead: set it right (NTP), and start alta again",
			"ahead", skew.Round(time.Second).String())
	}
	owner, err := o.Ledger.OwnsJobs(ctx)
	if err != nil {
		m.wave.stop()
		return nil, err
	}
	if m.river, err = m.newClient(owner); err != nil {
		m.wave.stop()
		return nil, err
	}
	machine := postgres.Machine{Name: o.Name, Version: o.Version, Workers: o.Workers, Lease: o.Lease}
	if m.id, err = o.Ledger.Join(ctx, machine, o.Clock.Now()); err != nil {
		m.wave.stop()
		return nil, err
	}
	m.queue = o.Ledger.Queue(0, store.Everything).On(m.id, deliverJobs(m.river))
	m.chain = o.Work.Deliver(m.queue)
	if err := m.start(ctx); err != nil {
		m.wave.stop()
		return nil, errors.Join(err, o.Ledger.Leave(context.WithoutCancel(ctx), m.id))
	}
	return m, nil
}

func (m *Member) start(ctx context.Context) error {
	// The first beat tells the share, so that nothing is sent before.
	if err := m.beat(ctx); err != nil {
		return err
	}
	if err := m.setQueue(ctx); err != nil {
		return fmt.Errorf("set River up: %w", err)
	}
	// One that joins for a single run may be gone before it would tidy up again.
	if err := m.tidy(ctx); err != nil {
		return err
	}
	// Canceled by Leave alone: River then lets each job come to its end.
	if err := m.river.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start River: %w", err)
	}
	beats, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stopBeat = stop
	m.beating.Go(func() { m.keepBeating(beats) })
	m.beating.Go(func() { m.keepTidy(beats) })
	m.beating.Go(func() { m.keepQueue(beats) })
	return nil
}

// Drain stops taking work and puts back what only waits. The mails on the wire go
// on.
func (m *Member) Drain() {
	m.draining.Store(true)
	m.wave.stop()
}

// Leave drains this machine, waits for the mails on the wire, and leaves the
// fleet. It beats until then.
func (m *Member) Leave(ctx context.Context) error {
	m.leaving.Store(true)
	m.Drain()
	err := m.river.Stop(ctx)
	m.stopBeat()
	m.beating.Wait()
	return errors.Join(err, m.Ledger.Leave(ctx, m.id))
}

// Lost tells why this machine must not work on the ledger any more, if ever. It has
// begun nothing since; whoever started it lets it leave.
func (m *Member) Lost() <-chan error { return m.lost }

// ID is the machine's, in the ledger.
func (m *Member) ID() int64 { return m.id }

// How River is set.
const (
	// A machine that has finished a mail looks for the next ones so soon: a worker
	// that waits does nothing, and each look is a statement.
	fetchCooldown = 50 * time.Millisecond
	// River tells of new jobs by LISTEN and NOTIFY; a word that gets lost costs so
	// much.
	fetchPoll = 500 * time.Millisecond
	// The ledger keeps what became of each mail, so that River need not.
	keepJobs = time.Hour
	// A run that lasts longer goes on as another job.
	longestPull = time.Hour
	// How much longer than its timeout a job is left alone. The leader counts by its
	// own clock, which may be minutes ahead.
	rescueMargin = 15 * time.Minute
	// River's leader rescues stuck jobs by its own wall clock, and no other way. One
	// that is further off than the margin must not lead.
	mostSkew = rescueMargin
	// A mail that the ledger could not be asked about is looked at again so soon.
	againSoon = 2 * time.Second
	// A job that fails so often meets a bug; the sweep takes the delivery back.
	mostTries = 25
)

// newClient sets River up. Only the owner of its tables can rebuild their indexes,
// which the leader does at midnight.
func (m *Member) newClient(owner bool) (*client, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &pullWorker{member: m})
	river.AddWorker(workers, &deliverWorker{member: m})
	c := &river.Config{
		ID: m.Name, Logger: slog.New(newQuiet(m.Log.Handler())), Workers: workers, MaxAttempts: mostTries,
		Queues:        map[string]river.QueueConfig{pullQueue: {MaxWorkers: 2}},
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll,
		JobTimeout: m.Longest, RescueStuckJobsAfter: max(m.Longest, longestPull) + rescueMargin,
		CompletedJobRetentionPeriod: keepJobs, CancelledJobRetentionPeriod: keepJobs,
		RetryPolicy:            retrySoon{m.Clock.Now},
		Test:                   river.TestConfig{Time: clock{m.Clock}},
		LeaderElectionDisabled: !m.mayLead,
	}
	c.ReindexerIndexNames = []string{}
	if owner {
		c.ReindexerIndexNames = slices.DeleteFunc(river.ReindexerIndexNamesDefault(), func(name string) bool {
			return slices.Contains(postgres.Unread(), name)
		})
	}
	if m.mayLead {
		c.PeriodicJobs = []*river.PeriodicJob{rings(ringing{m.Schedule, m.Zone}, m.SlotAt, m.Clock.Now)}
	}
	r, err := river.NewClient(riverpgxv5.New(m.Ledger.Pool()), c)
	if err != nil {
		return nil, fmt.Errorf("set River up: %w", err)
	}
	return r, nil
}

// Ask asks the fleet for a run at once, and returns the job that makes it. Any
// machine takes it.
func (m *Member) Ask(ctx context.Context, by store.Trigger, atMost int) (job int64, err error) {
	return ask(ctx, m.river, by, atMost)
}

// Withdraw takes back a run that was asked for and has not begun.
func (m *Member) Withdraw(ctx context.Context, job int64) error {
	if _, err := m.river.JobCancel(ctx, job); err != nil {
		return fmt.Errorf("take back the run that was asked for: %w", err)
	}
	return nil
}

// Ask asks the fleet of a ledger for a run at once, for a program that is none of
// its machines.
func Ask(ctx context.Context, ledger *postgres.Store, by store.Trigger, atMost int) (job int64, err error) {
	c, err := river.NewClient(riverpgxv5.New(ledger.Pool()), &river.Config{})
	if err != nil {
		return 0, fmt.Errorf("set River up: %w", err)
	}
	return ask(ctx, c, by, atMost)
}

func ask(ctx context.Context, c *river.Client[pgx.Tx], by store.Trigger, atMost int) (job int64, err error) {
	inserted, err := c.Insert(ctx, pullArgs{Trigger: by, AtMost: atMost}, &river.InsertOpts{Queue: pullQueue, Priority: operatorsFirst})
	if err != nil {
		return 0, fmt.Errorf("ask the fleet for a run: %w", err)
	}
	return inserted.Job.ID, nil
}
