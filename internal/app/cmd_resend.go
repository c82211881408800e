package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alta/internal/fleet"
	"alta/pipeline"
	"alta/store"
)

// resend is what the operator asked for.
type resend struct {
	users   []string
	emails  []string
	country string
	expired bool
	failed  bool
	doubt   bool
	reason  string
	force   bool
	yes     bool
	asJSON  bool
}

// resent is the answer.
type resent struct {
	Queued  []string         `json:"queued"`  // user ids
	Refused []refusal        `json:"refused"` // and why
	Daemon  bool             `json:"daemon"`  // true: another process sends them
	Report  *pipeline.Report `json:"report"`  // of the run that sent them; null with a daemon

	failure error // of the ledger, in mid-run
}

type refusal struct {
	User   string `json:"user"`
	Reason string `json:"reason"`
}

func (a *app) resendCommand() *cobra.Command {
	var r resend
	c := &cobra.Command{
		Use:   "resend",
		Short: "Send again by hand, with a fresh link",
		Long: `resend mails the chosen users now, in place of whatever was planned for them: the
invite to who never got one, a fresh link to the others. It ignores sending hours
and plan.max_mails; a mail within plan.min_gap of the last one needs --force. A
mail in doubt goes out again as the very same message.

The act is audited with your name and --reason. More than one user asks for
--yes. It sends at once; while a daemon runs, the daemon does within seconds.`,
		Example: `  alta resend --user 8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e --reason "asked by phone"
  alta resend --email ana@example.mx --reason "ticket 4711" --force
  alta resend --country MX --failed --reason "template mended" --yes
  alta resend --doubt --reason "server log shows nothing" --yes`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := r.check(); err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error { return a.resend(c.Context(), s, r) })
		},
	}
	f := c.Flags()
	f.StringSliceVar(&r.users, "user", nil, "the user with this `ID`; may be given again")
	f.StringSliceVar(&r.emails, "email", nil, "the user with this `ADDRESS`; may be given again")
	f.StringVar(&r.country, "country", "", "users of `MX` or DO")
	f.BoolVar(&r.expired, "expired", false, "users whose last link has expired")
	f.BoolVar(&r.failed, "failed", false, "users whose last mail failed or is held")
	f.BoolVar(&r.doubt, "doubt", false, "users with a mail in doubt")
	f.StringVar(&r.reason, "reason", "", "why: `TEXT` for the audit log (required)")
	f.BoolVar(&r.force, "force", false, "even within plan.min_gap of the last mail")
	f.BoolVar(&r.yes, "yes", false, "yes, to more than one user")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	offerCountry(c)
	return c
}

func (r resend) check() error {
	if _, err := parseCountry(r.country); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(r.reason) == "":
		return usage("--reason is required: the audit log keeps why a mail was sent by hand")
	case len(r.named()) == 0 && r.country == "" && !r.expired && !r.failed && !r.doubt:
		return usage("to whom? give --user, --email, --country, --expired, --failed or --doubt")
	case len(r.named()) > 0 && (r.country != "" || r.expired || r.failed || r.doubt):
		return usage("--user and --email name users; they don't go with --country, --expired, --failed or --doubt")
	}
	return checkReason(r.reason)
}

func (r resend) named() []string { return append(append([]string{}, r.users...), r.emails...) }

func (a *app) resend(ctx context.Context, s ledger, r resend) error {
	country, err := parseCountry(r.country)
	if err != nil {
		return err
	}
	sel := store.Selection{UserIDs: r.named(), Country: country, Expired: r.expired, Failed: r.failed, Doubt: r.doubt}
	answer, err := a.queueAndSend(ctx, s, sel, r)
	if err != nil {
		return err
	}
	if err := a.printResent(answer, r.asJSON); err != nil {
		return err
	}
	switch {
	case answer.failure != nil:
		return ledgerError(answer.failure)
	case answer.Report != nil && ctx.Err() != nil:
		return stoppedBySignal()
	case answer.Report != nil && reportStatus(*answer.Report) != nil:
		return reportStatus(*answer.Report)
	case len(answer.Refused) > 0:
		return &exitError{exitFailed, nil}
	}
	return nil
}

// queueAndSend makes the mails due and a run of its own for them. While another
// process has the lock that one sends, and this one needs no secrets.
func (a *app) queueAndSend(ctx context.Context, s ledger, sel store.Selection, r resend) (answer resent, err error) {
	if shared, ok := s.(sharedLedger); ok {
		if idle, err := s.idle(ctx); err != nil || !idle {
			return a.queueForFleet(ctx, shared, sel, r, err)
		}
	} else {
		release, err := s.hold(ctx, true)
		if errors.Is(err, store.ErrLocked) {
			answer, err = a.queueResends(ctx, s, sel, r)
			answer.Daemon = true
			return answer, err
		}
		if err != nil {
			return answer, err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	e, err := a.newEngine(ctx, s)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	// What a process that died left on its way must be settled to be chosen.
	if err := e.recover(ctx); err != nil {
		return answer, err
	}
	answer, err = a.queueResends(ctx, s, sel, r)
	if err != nil || len(answer.Queued) == 0 {
		return answer, err
	}
	bar := a.newDeliveryBar(ctx, e, len(answer.Queued))
	defer bar.stop()
	report, failure := e.runHeld(ctx, pass{trigger: store.ByResend, done: bar.done})
	answer.Report, answer.failure = &report, failure
	return answer, nil
}

// queueForFleet makes the mails due and asks the fleet, whose machines serve just
// now, for a run at once.
func (a *app) queueForFleet(ctx context.Context, s sharedLedger, sel store.Selection, r resend, err error) (answer resent, _ error) {
	if err != nil {
		return answer, err
	}
	answer, err = a.queueResends(ctx, s, sel, r)
	answer.Daemon = true
	if err == nil && len(answer.Queued) > 0 {
		_, err = fleet.Ask(ctx, s.Store, store.ByResend, 0)
	}
	return answer, err
}

// queueResends chooses the users and makes a mail due for each, unless there is
// a reason not to.
func (a *app) queueResends(ctx context.Context, s ledger, sel store.Selection, r resend) (resent, error) {
	answer := resent{Queued: []string{}, Refused: []refusal{}}
	users, err := s.Select(ctx, sel, a.now())
	if err != nil {
		return answer, err
	}
	slices.SortFunc(users, func(x, y store.UserRecord) int { return cmp.Compare(x.Key, y.Key) })
	users = slices.CompactFunc(users, func(x, y store.UserRecord) bool { return x.Key == y.Key })
	if len(users) > 1 && !r.yes {
		return answer, usage("this would mail %d users; add --yes if that is what you want", len(users))
	}
	by, plan := a.act(r.reason), a.config.Plan.Plan()
	for _, u := range users {
		whyNot, err := queueResend(ctx, s, u, plan, by, r.force, a.now())
		switch {
		case err != nil:
			return answer, err
		case whyNot != "":
			answer.Refused = append(answer.Refused, refusal{u.User.ID, whyNot})
		default:
			answer.Queued = append(answer.Queued, u.User.ID)
		}
	}
	return answer, nil
}

func queueResend(ctx context.Context, s ledger, u store.UserRecord, plan pipeline.Plan, by store.Act, force bool, now time.Time) (whyNot string, err error) {
	if left := plan.GapLeft(u.History, now); left > 0 && !force && u.User.Status == pipeline.Pending {
		return fmt.Sprintf("the last mail went out %s ago and plan.min_gap leaves the user in peace for %s more; --force overrides it",
			span(now.Sub(u.History.LastAt)), span(left)), nil
	}
	return s.Resend(ctx, u.User.ID, pipeline.ResendStep(u.History), force, by, now)
}

func (a *app) printResent(answer resent, asJSON bool) error {
	if asJSON {
		return a.printJSON(answer)
	}
	for _, r := range answer.Refused {
		fmt.Fprintf(a.out, "not sent to %s: %s\n", r.User, r.Reason)
	}
	switch {
	case answer.Report != nil:
		if err := a.printReport(*answer.Report, false); err != nil {
			return err
		}
		if left := len(answer.Queued) - answer.Report.Selected; left > 0 {
			fmt.Fprintf(a.out, "%d are queued and wait: sending is paused, or the run was stopped. 'alta status' says why.\n", left)
		}
	case answer.Daemon && len(answer.Queued) > 0:
		fmt.Fprintf(a.out, "%d queued. Another alta has the ledger: 'alta serve' sends within seconds, after anything else the next run does.\n"+
			"Follow with 'alta explain USER'.\n", len(answer.Queued))
	case len(answer.Refused) == 0:
		fmt.Fprintln(a.out, "No user matches; nothing was sent.")
	}
	return nil
}
