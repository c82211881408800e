// Package storetest holds the behaviours that every engine of the ledger must
// show, each as a sub-test named by one sentence.
package storetest

import (
	"context"
	"testing"
	"time"

	"alta/pipeline"
	"alta/store"
)

// Ledger is what the suite asks of an engine. Every method behaves as the one
// of the same name of [store.Store].
type Ledger interface {
	Enrol(ctx context.Context, users []pipeline.User, from store.Origin, plan store.Planner, now time.Time) (store.Enrolled, error)
	StartSync(ctx context.Context, plan store.Planner) (Sync, error)

	Find(ctx context.Context, ref string) (store.UserRecord, error)
	List(ctx context.Context, f store.Filter, each func(store.UserRecord) error) error
	Mark(ctx context.Context, id string, status pipeline.Status, plan store.Planner, by store.Act, now time.Time) error
	Erase(ctx context.Context, id string, by store.Act, now time.Time) error

	Select(ctx context.Context, sel store.Selection, now time.Time) ([]store.UserRecord, error)
	Invite(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error)
	Resend(ctx context.Context, id string, step pipeline.Step, force bool, by store.Act, now time.Time) (whyNot string, err error)
	Hold(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error)
	Unhold(ctx context.Context, id string, by store.Act, now time.Time) (whyNot string, err error)
	OperatorDue(ctx context.Context, now time.Time) (bool, error)

	UseKey(ctx context.Context, k *store.Key) error
	HasKey(ctx context.Context) (bool, error)
	SealedLinks(ctx context.Context) (int, error)
	Rekey(ctx context.Context, k *store.Key, by store.Act, now time.Time) error
	Shred(ctx context.Context, now time.Time) error

	Ticket(ctx context.Context, digest pipeline.TicketDigest) (pipeline.Ticket, error)
	OptOut(ctx context.Context, digest pipeline.TicketDigest, now time.Time) (t pipeline.Ticket, changed bool, err error)
	AskLater(ctx context.Context, digest pipeline.TicketDigest, mostMails int, now time.Time) error
	Askers(ctx context.Context, n int, now time.Time) ([]store.Wisher, error)
	AnswerAsker(ctx context.Context, user string, mostMails int, now time.Time) (queued bool, err error)
	DropAsker(ctx context.Context, user string) error
	pipeline.Sessions
	SessionsOf(ctx context.Context, user string) ([]store.SessionRecord, error)
	CountVisits(ctx context.Context, visits []pipeline.Visit) error
	Visits(ctx context.Context, user string) ([]store.VisitRecord, error)

	News(ctx context.Context, n pipeline.News, plan store.Planner, now time.Time) (pipeline.Effect, error)
	Tell(ctx context.Context, id string, s pipeline.Status, plan store.Planner, now time.Time) error
	Inbox(ctx context.Context, n int) ([]store.NewsRecord, error)
	SettleNews(ctx context.Context, externalID, event string, by store.Act, now time.Time) error
	NewsOf(ctx context.Context, user string) ([]store.NewsRecord, error)

	Queue(run int64, only store.Only) Queue
	Recover(ctx context.Context, now time.Time, judge store.JudgeOrphan) (returned, doubted int, err error)

	StartRun(ctx context.Context, by store.Trigger, slot time.Time, minGap time.Duration, now time.Time) (id int64, ok bool, err error)
	FinishRun(ctx context.Context, id int64, r pipeline.Report, failure error, now time.Time) error
	LastSlot(ctx context.Context, now time.Time) (slot time.Time, complete bool, err error)
	Lift(ctx context.Context, p pipeline.Pause) error
	ProbeNow(ctx context.Context, by store.Act, now time.Time) (ripe bool, err error)
	NoteTestMail(ctx context.Context, mail string, by store.Act, now time.Time) error
	Runs(ctx context.Context, n int) ([]store.Run, error)

	Outlook(ctx context.Context, now time.Time) (pipeline.Outlook, error)
	Approve(ctx context.Context, a pipeline.Approval, by store.Act) error
	ApprovalWaits(ctx context.Context, now time.Time) (bool, error)
	TakeApproval(ctx context.Context, a pipeline.Approval) error
	SpendApproval(ctx context.Context, a pipeline.Approval, mails int) error

	Status(ctx context.Context, now time.Time) (store.Status, error)
	Due(ctx context.Context, now time.Time, n int) ([]pipeline.Delivery, error)
	CountDue(ctx context.Context, now time.Time) (int, error)
	QueueStatus(ctx context.Context, now time.Time) (store.QueueStatus, []pipeline.Pause, error)
	Deliveries(ctx context.Context, user string) ([]store.DeliveryRecord, error)
	Audit(ctx context.Context, user string) ([]store.AuditEntry, error)
	AuditPage(ctx context.Context, f store.AuditFilter) ([]store.AuditRow, error)
	VerifyAudit(ctx context.Context, noted store.AuditHash) (store.AuditProof, error)

	EnrolEach(ctx context.Context, users []pipeline.User, plan store.Planner, note string, by store.Act, now time.Time) (map[string]store.Outcome, error)
	NoteAct(ctx context.Context, action, user, detail string, by store.Act, now time.Time) error
	StartRequest(ctx context.Context, k store.RequestKey, d store.RequestDigest, forgotten, lost, now time.Time) (known *store.Request, err error)
	FinishRequest(ctx context.Context, k store.RequestKey, status int, body []byte) error
	DropRequest(ctx context.Context, k store.RequestKey) error
	NoteEvents(ctx context.Context, on bool) error
	EventsNoted(ctx context.Context) (on bool, err error)
	ClaimEvents(ctx context.Context, n int, lost, now time.Time) (claimed []store.Event, err error)
	SettleEvent(ctx context.Context, e store.Event, t store.EventTry) error
	Events(ctx context.Context, after int64, n int) ([]store.Event, error)
	ForgetEvents(ctx context.Context, before time.Time) error

	AddToken(ctx context.Context, t store.Token, by store.Act, now time.Time) error
	RevokeToken(ctx context.Context, name string, by store.Act, now time.Time) error
	Tokens(ctx context.Context) ([]store.TokenRecord, error)
	TokenByDigest(ctx context.Context, digest store.SecretDigest, now time.Time) (store.Login, error)
	StartLogin(ctx context.Context, l store.NewLogin, now time.Time) error
	Login(ctx context.Context, cookie store.SecretDigest, r store.LoginRules, now time.Time) (store.Login, error)
	EndLogin(ctx context.Context, cookie store.SecretDigest) error

	Search(ctx context.Context, q store.Search) (page []store.UserRecord, next string, err error)
	Overview(ctx context.Context, now time.Time) (store.Overview, error)
	Attention(ctx context.Context) ([]store.AttentionGroup, error)
	AttentionPage(ctx context.Context, c store.Cause, after int64, n int) ([]store.AttentionRecord, error)
	Forecast(ctx context.Context, from, until time.Time) ([]store.ForecastHour, error)
	Timeline(ctx context.Context, user string) ([]store.Moment, error)

	// Dump returns every column of every row of every table as text, for the
	// suite to look for what must not be there.
	Dump(ctx context.Context) (string, error)
}

// Queue is the ledger as one run sees it.
type Queue interface {
	pipeline.Puller
	pipeline.Keeper
	pipeline.Beginner
	pipeline.Recorder
}

// Sync is one pass over the [source] query.
type Sync interface {
	Enrol(ctx context.Context, users []pipeline.User, now time.Time) (store.Enrolled, error)
	Finish(ctx context.Context, now time.Time) (withdrawn int, err error)
}

// behaviour is one thing that a ledger does, and the proof.
type behaviour struct {
	says  string
	check func(*fixture)
}

// Run holds the engine to every behaviour. Each one gets an empty ledger from
// open, which also sees to closing it, and a data key of its own.
func Run(t *testing.T, open func(t *testing.T) Ledger) {
	for _, area := range []struct {
		name       string
		behaviours []behaviour
	}{
		{"Enrol", enrolBehaviours()},
		{"Sync", syncBehaviours()},
		{"Find", findBehaviours()},
		{"List", listBehaviours()},
		{"Mark", markBehaviours()},
		{"Erase", eraseBehaviours()},
		{"Select", selectBehaviours()},
		{"Resend", resendBehaviours()},
		{"Invite", inviteBehaviours()},
		{"Hold", holdBehaviours()},
		{"Pull", pullBehaviours()},
		{"Pause", pauseBehaviours()},
		{"Key", keyBehaviours()},
		{"Keep", keepBehaviours()},
		{"Begin", beginBehaviours()},
		{"Record", recordBehaviours()},
		{"Recover", recoverBehaviours()},
		{"Tickets", ticketBehaviours()},
		{"Sessions", sessionBehaviours()},
		{"Visits", visitBehaviours()},
		{"OptOut", optOutBehaviours()},
		{"Askers", askerBehaviours()},
		{"News", newsBehaviours()},
		{"Runs", runsBehaviours()},
		{"Guard", guardBehaviours()},
		{"Status", statusBehaviours()},
		{"Audit", auditBehaviours()},
		{"Tokens", tokenBehaviours()},
		{"Requests", requestBehaviours()},
		{"Events", eventBehaviours()},
		{"EnrolEach", enrolEachBehaviours()},
		{"Logins", loginBehaviours()},
		{"Search", searchBehaviours()},
		{"Overview", overviewBehaviours()},
		{"Attention", attentionBehaviours()},
		{"Forecast", forecastBehaviours()},
		{"Timeline", timelineBehaviours()},
	} {
		t.Run(area.name, func(t *testing.T) {
			for _, b := range area.behaviours {
				t.Run(b.says, func(t *testing.T) {
					f := newFixture(t, open(t))
					b.check(f)
					f.verifyAudit() // whatever was done
				})
			}
		})
	}
}
