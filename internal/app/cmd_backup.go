package app

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the live database",
		Long: `backup copies the ledger as it is at one moment, while the daemon runs, to a new
file that only you can read. To restore: stop alta, put the copy in the place of
the database, remove the files that end in -wal and -shm, start alta.

The data key is not in the copy. Without it 'alta rekey' brings the copy to life
again: the links in it are lost, mails that are still due get fresh ones.`,
		Example: `  alta backup /var/backups/alta-$(date +%F).db`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withLedger(c.Context(), func(s ledger) error {
				if err := s.backup(c.Context(), args[0]); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "Wrote %s.\n", args[0])
				has, err := s.HasKey(c.Context())
				if has {
					fmt.Fprintf(a.out, "The data key is not in it. It comes from %s; keep a copy of that too, apart from this one.\n", a.keySource())
				}
				return err
			})
		},
	}
}
