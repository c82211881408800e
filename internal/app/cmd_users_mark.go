package app

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

func (a *app) usersMarkCommand() *cobra.Command {
	allowed := slices.DeleteFunc(pipeline.Statuses(), func(s pipeline.Status) bool { return s == pipeline.Erased })
	var reason string
	c := &cobra.Command{
		Use:   "mark USER STATUS",
		Short: "Set a user's status by hand",
		Long: `mark sets the status to one of ` + joinStatuses(allowed) + `. Only pending users
get mail: leaving pending cancels what was due, becoming pending again plans the
next mail. The act is audited.`,
		Example: `  alta users mark ana@example.mx verified --reason "verified in the branch"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			status, err := parseStatus(args[1], allowed)
			if err != nil {
				return err
			}
			if status == "" {
				return usage("want a status: %s", joinStatuses(allowed))
			}
			return a.withStore(c.Context(), func(s *store.Store) error {
				r, err := s.Find(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := s.Mark(c.Context(), r.User.ID, status, a.planner(), a.act(reason), a.now()); err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%s %s -> %s\n", r.User.ID, r.User.Status, status)
				return err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for the audit log")
	return c
}

func (a *app) usersEraseCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "erase USER",
		Short: "Remove a user's personal data for good",
		Long: `erase removes name, address, external id, links and what mail servers said. The
Capa id stays, so that no import brings the user back. It can't be undone.`,
		Example: `  alta users erase ana@example.mx --reason "deletion request of 3 May"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s *store.Store) error {
				r, err := s.Find(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := s.Erase(c.Context(), r.User.ID, a.act(reason), a.now()); err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%s erased\n", r.User.ID)
				return err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for the audit log")
	return c
}
