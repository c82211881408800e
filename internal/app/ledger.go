package app

import (
	"context"
	"time"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// ledger is what the commands ask of either engine. Every method behaves as the
// one of the same name of [store.Store]; store/storetest holds both to that.
type ledger interface {
	Enrol(ctx context.Context, users []pipeline.User, from store.Origin, plan store.Planner, now time.Time) (store.Enrolled, error)
	startSync(ctx context.Context, plan store.Planner) (sourcePass, error)

	Find(ctx context.Context, ref string) (store.UserRecord, error)
	List(ctx context.Context, f store.Filter, each func(store.UserRecord) error) error
	Mark(ctx context.Context, id string, status pipeline.Status, plan store.Planner, by store.Act, now time.Time) error
	Erase(ctx context.Context, id string, by store.Act, now time.Time) error
	Select(ctx context.Context, sel store.Selection, now time.Time) ([]store.UserRecord, error)
	Invite(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error)
	Resend(ctx context.Context, id string, step pipeline.Step, force bool, by store.Act, now time.Time) (whyNot string, err error)
	OperatorDue(ctx context.Context, now time.Time) (bool, error)

	UseKey(ctx context.Context, k *store.Key) error
	HasKey(ctx context.Context) (bool, error)
	CheckKey(ctx context.Context, k *store.Key) error
	Rekey(ctx context.Context, k *store.Key, by store.Act, now time.Time) error
	SealedLinks(ctx context.Context) (int, error)
	Shred(ctx context.Context, now time.Time) error
	Recover(ctx context.Context, now time.Time, judge store.JudgeOrphan) (returned, doubted int, err error)

	LastSlot(ctx context.Context, now time.Time) (slot time.Time, complete bool, err error)
	Lift(ctx context.Context, p pipeline.Pause) error
	Pauses(ctx context.Context) ([]pipeline.Pause, error)
	Runs(ctx context.Context, n int) ([]store.Run, error)
	Outlook(ctx context.Context, now time.Time) (pipeline.Outlook, error)
	Approve(ctx context.Context, a pipeline.Approval, by store.Act) error
	ApprovalWaits(ctx context.Context, now time.Time) (bool, error)
	TakeApproval(ctx context.Context, a pipeline.Approval) error
	SpendApproval(ctx context.Context, a pipeline.Approval, mails int) error

	Status(ctx context.Context, now time.Time) (store.Status, error)
	QueueStatus(ctx context.Context, now time.Time) (store.QueueStatus, []pipeline.Pause, error)
	Due(ctx context.Context, now time.Time, n int) ([]pipeline.Delivery, error)
	CountDue(ctx context.Context, now time.Time) (int, error)
	Deliveries(ctx context.Context, user string) ([]store.DeliveryRecord, error)
	Audit(ctx context.Context, user string) ([]store.AuditEntry, error)
	AuditPage(ctx context.Context, f store.AuditFilter) ([]store.AuditRow, error)
	VerifyAudit(ctx context.Context, noted store.AuditHash) (store.AuditProof, error)

	deskLedger
	eventLedger

	AddToken(ctx context.Context, t store.Token, by store.Act, now time.Time) error
	RevokeToken(ctx context.Context, name string, by store.Act, now time.Time) error
	Tokens(ctx context.Context) ([]store.TokenRecord, error)
	TokenByDigest(ctx context.Context, digest store.SecretDigest, now time.Time) (store.Login, error)
	StartLogin(ctx context.Context, l store.NewLogin, now time.Time) error
	Login(ctx context.Context, cookie store.SecretDigest, r store.LoginRules, now time.Time) (store.Login, error)
	EndLogin(ctx context.Context, cookie store.SecretDigest) error

	publicLedger
	pageLedger

	Check(ctx context.Context) error
	Trouble() error
	Close() error

	// name says where the ledger is.
	name() string
	// idle tells whether nobody runs the pipeline on it just now.
	idle(ctx context.Context) (bool, error)
	// hold keeps everybody else from running the pipeline until release. Where
	// somebody does, it returns an error that wraps [store.ErrLocked] and says who;
	// soon waits a second for one who only looks.
	hold(ctx context.Context, soon bool) (release func() error, err error)
	// backup writes a copy to a new file.
	backup(ctx context.Context, file string) error
}

// sourcePass is one pass of the [source] query over a ledger.
type sourcePass interface {
	Enrol(ctx context.Context, users []pipeline.User, now time.Time) (store.Enrolled, error)
	Finish(ctx context.Context, now time.Time) (withdrawn int, err error)
}

// sending is what the stages of a mail ask of the ledger.
type sending interface {
	pipeline.Keeper
	pipeline.Beginner
	pipeline.Recorder
}

// fileLedger is the ledger in one SQLite file, for one process at a time.
type fileLedger struct{ *store.Store }

func (l fileLedger) startSync(ctx context.Context, plan store.Planner) (sourcePass, error) {
	return l.StartSync(ctx, plan)
}

func (l fileLedger) name() string { return l.Path() }

func (l fileLedger) idle(context.Context) (bool, error) { return l.Idle() }

func (l fileLedger) hold(ctx context.Context, soon bool) (release func() error, err error) {
	take := l.Lock
	if soon {
		take = func() (*store.Lock, error) { return l.LockSoon(ctx) }
	}
	lock, err := take()
	if err != nil {
		return nil, err
	}
	return lock.Unlock, nil
}

func (l fileLedger) backup(ctx context.Context, file string) error { return l.Backup(ctx, file) }

// sharedLedger is the ledger on PostgreSQL, for a fleet of machines.
type sharedLedger struct {
	*postgres.Store
	clock *postgres.Clock
	lease time.Duration // of the machines
}

func (l sharedLedger) startSync(ctx context.Context, plan store.Planner) (sourcePass, error) {
	return l.StartSync(ctx, plan)
}

func (l sharedLedger) name() string { return l.Address() }

// Recover takes no machine for gone that may not be.
func (l sharedLedger) Recover(ctx context.Context, now time.Time, judge store.JudgeOrphan) (returned, doubted int, err error) {
	return l.RecoverAfter(ctx, now, l.lease, judge)
}

func (l sharedLedger) idle(ctx context.Context) (bool, error) {
	machines, err := l.Machines(ctx, l.sure())
	return len(machines) == 0, err
}

// sure is the time at which a machine must have been within its lease, for its
// absence to be beyond doubt: whoever has just come can't tell of one that did not
// beat whether it could.
func (l sharedLedger) sure() time.Time { return l.clock.Now().Add(-l.lease) }

func (l sharedLedger) hold(ctx context.Context, _ bool) (release func() error, err error) {
	return l.HoldAlone(ctx, l.sure())
}

func (l sharedLedger) backup(context.Context, string) error {
	return usage("a ledger on PostgreSQL is backed up with its own means, 'pg_dump --format=custom --file=FILE DATABASE' for example; see docs/scale.md")
}
