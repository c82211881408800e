package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "The daemon: runs by the schedule, the operator's page, health checks and metrics",
		Long: `serve makes a run at every moment of schedule.cron, at once when one was missed
while it was down, within minutes after one that did not go well, and within
seconds when an operator asks for a resend or says yes to the guard. On SIGTERM
the mails on the wire finish and are recorded, and the rest goes back; a second
signal ends the process at once, which loses nothing either.

A second copy on the same file stands by and takes over when the first ends. With a
ledger on PostgreSQL every copy is a machine of one fleet, and all of them send.
The operator's page, /healthz, /readyz and /metrics are served on operator.listen.`,
		Example: `  alta serve
  alta serve --config /etc/alta/config.toml`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			a.daemon = true
			if err := a.checkReady(); err != nil {
				return err
			}
			err := a.withStore(ctx, func(s ledger) (err error) {
				e, err := a.newEngine(ctx, s)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, e.close()) }()
				return e.serve(ctx)
			})
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil // told to stop before it had begun
			}
			return err
		},
	}
}
