package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

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
			return a.withStore(c.Context(), func(s *store.Store) error { return a.resend(c.Context(), s, r) })
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
	return c
}

func (r resend) check() error {
	if _, err := parseCountry(r.country); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(r.reason) == "":
		return usage("--reason is required: the audit log keeps why a mail was sent by hand")
	case strings.ContainsFunc(r.reason, isControl):
		return usage("--reason must be one line of text")
	case len(r.named()) == 0 && r.country == "" && !r.expired && !r.failed && !r.doubt:
		return usage("to whom? give --user, --email, --country, --expired, --failed or --doubt")
	case len(r.named()) > 0 && (r.country != "" || r.expired || r.failed || r.doubt):
		return usage("--user and --email name users; they don't go with --country, --expired, --failed or --doubt")
	}
	return nil
}

func (r resend) named() []string { return append(append([]string{}, r.users...), r.emails...) }

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (a *app) resend(ctx context.Context, s *store.Store, r resend) (err error) {
	country, err := parseCountry(r.country)
	if err != nil {
		return err
	}
	users, err := s.Select(ctx, store.Selection{
		UserIDs: r.named(), Country: country, Expired: r.expired, Failed: r.failed, Doubt: r.doubt,
	}, a.now())
	if err != nil {
		return err
	}
	if len(users) > 1 && !r.yes {
		return usage("this would mail %d users; add --yes if that is what you want", len(users))
	}
	answer, err := a.queueAndSend(ctx, s, users, r)
	if err != nil {
		return err
	}
	return a.printResent(answer, r.asJSON)
}

// queueAndSend makes the mails due and a run of its own for them. While another
// process has the lock that one makes the run, and this one needs no secrets.
func (a *app) queueAndSend(ctx context.Context, s *store.Store, users []store.UserRecord, r resend) (answer resent, err error) {
	lock, err := s.Lock()
	if errors.Is(err, store.ErrLocked) {
		answer, err = a.queueResends(ctx, s, users, r)
		answer.Daemon = true
		return answer, err
	}
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	e, err := a.newEngine(s)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if answer, err = a.queueResends(ctx, s, users, r); err != nil || len(answer.Queued) == 0 {
		return answer, err
	}
	bar := a.newDeliveryBar(ctx, e, len(answer.Queued))
	defer bar.stop()
	report, err := e.run(ctx, pass{trigger: store.ByResend, done: bar.done})
	answer.Report = &report
	return answer, err
}

func (a *app) queueResends(ctx context.Context, s *store.Store, users []store.UserRecord, r resend) (resent, error) {
	answer := resent{Queued: []string{}, Refused: []refusal{}}
	by, plan := a.act(r.reason), a.config.Plan.Plan()
	for _, u := range users {
		now := a.now()
		whyNot := ""
		if left := plan.GapLeft(u.History, now); left > 0 && !r.force {
			whyNot = fmt.Sprintf("the last mail went out %s ago and plan.min_gap leaves the user in peace for %s more; --force overrides it",
				span(now.Sub(u.History.LastAt)), span(left))
		} else {
			var err error
			if whyNot, err = s.Resend(ctx, u.User.ID, pipeline.ResendStep(u.History), by, now); err != nil {
				return answer, err
			}
		}
		if whyNot != "" {
			answer.Refused = append(answer.Refused, refusal{u.User.ID, whyNot})
			continue
		}
		answer.Queued = append(answer.Queued, u.User.ID)
	}
	return answer, nil
}

func (a *app) printResent(answer resent, asJSON bool) error {
	if asJSON {
		if err := a.printJSON(answer); err != nil {
			return err
		}
	} else {
		for _, r := range answer.Refused {
			fmt.Fprintf(a.out, "not sent to %s: %s\n", r.User, r.Reason)
		}
		switch {
		case answer.Report != nil:
			if err := a.printReport(*answer.Report, false); err != nil {
				return err
			}
		case answer.Daemon && len(answer.Queued) > 0:
			fmt.Fprintf(a.out, "%d queued; the daemon sends within seconds. Follow with 'alta explain USER'.\n", len(answer.Queued))
		case len(answer.Refused) == 0:
			fmt.Fprintln(a.out, "No user matches; nothing was sent.")
		}
	}
	if answer.Report != nil {
		if err := reportStatus(*answer.Report); err != nil {
			return err
		}
	}
	if len(answer.Refused) > 0 {
		return &exitError{exitFailed, nil}
	}
	return nil
}
