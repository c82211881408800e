package app

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the ledger's schema up to date, and do nothing else",
		Long: `migrate makes the ledger that database.url names, or brings its schema up to date;
on PostgreSQL, River's tables too, one machine at a time under an advisory lock.
Every other command does so by itself where its role may. It is for a role that
may change the schema, when the one that serves may not (docs/scale.md).`,
		Example: `  alta migrate
  alta migrate --config /etc/alta/owner.toml`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s ledger) error {
				_, err := fmt.Fprintf(a.out, "The schema of %s is up to date.\n", s.name())
				return err
			})
		},
	}
}
