package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

func (a *app) usersMarkCommand() *cobra.Command {
	allowed := slices.DeleteFunc(pipeline.Statuses(), func(s pipeline.Status) bool { return s == pipeline.Erased })
	var reason string
	var asJSON bool
	c := &cobra.Command{
		Use:   "mark USER STATUS",
		Short: "Set a user's status by hand",
		Long: `mark sets the status to one of ` + joinStatuses(allowed) + `. Only pending users
get mail: leaving pending cancels what was due, becoming pending again plans the
next mail. The act is audited.`,
		Example: `  alta users mark ana@example.mx verified --reason "verified in the branch"`,
		Args:    cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return words(allowed), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			status, err := parseStatus(args[1], allowed)
			if err != nil {
				return err
			}
			if status == "" {
				return usage("want a status: %s", joinStatuses(allowed))
			}
			if err := checkReason(reason); err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				r, err := s.Find(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := s.Mark(c.Context(), r.User.ID, status, a.planner(), a.act(reason), a.now()); err != nil {
					return err
				}
				return a.printAct(c.Context(), s, r, fmt.Sprintf("%s -> %s", r.User.Status, status), asJSON)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for the audit log")
	c.Flags().BoolVar(&asJSON, "json", false, "print the user as JSON")
	return c
}

func (a *app) usersEraseCommand() *cobra.Command {
	var reason string
	var asJSON bool
	c := &cobra.Command{
		Use:   "erase USER",
		Short: "Remove a user's personal data for good",
		Long: `erase removes name, address, external id, links and what mail servers said. The
Capa id stays, so that no import brings the user back. It can't be undone.`,
		Example: `  alta users erase ana@example.mx --reason "deletion request of 3 May"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkReason(reason); err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				r, err := s.Find(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := a.settleIfAlone(c.Context(), s); err != nil {
					return err
				}
				if err := s.Erase(c.Context(), r.User.ID, a.act(reason), a.now()); err != nil {
					return err
				}
				return a.printAct(c.Context(), s, r, "erased", asJSON)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for the audit log")
	c.Flags().BoolVar(&asJSON, "json", false, "print the user as JSON")
	return c
}

// settleIfAlone settles what a process that died left on its way, unless
// another one is at work.
func (a *app) settleIfAlone(ctx context.Context, s ledger) (err error) {
	release, err := s.hold(ctx, false)
	if errors.Is(err, store.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return settleOrphans(ctx, s, a.config, a.log, a.now)
}

// printAct says what was done to a user, or as JSON what the user is now.
func (a *app) printAct(ctx context.Context, s ledger, before store.UserRecord, act string, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintf(a.out, "%s %s\n", before.User.ID, act)
		return err
	}
	after, err := s.Find(ctx, before.User.ID)
	if err != nil {
		return err
	}
	return a.printJSON(userOut(after))
}
