package app

import (
	"cmp"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/store"
)

func (a *app) auditListCommand() *cobra.Command {
	var o auditOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List what was done by hand, the newest first",
		Long: `list prints the lines of the audit log, the newest first; as JSON one object a
line. It names users by their id alone.`,
		Example: `  alta audit list --since 24h
  alta audit list --user ana@example.mx
  alta audit list --actor mara --limit 20 --json`,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := o.filter(c, a.now()); err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				if asJSON {
					enc := newLineEncoder(a.out)
					return a.walkAudit(c, s, o, func(r store.AuditRow) error { return enc.Encode(auditLineOut(r)) })
				}
				return a.listAudit(c, s, o)
			})
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

func (a *app) listAudit(c *cobra.Command, s ledger, o auditOptions) error {
	const page = 1000 // lines that share one layout, so that memory stays flat
	t := newTable(a.out)
	t.AppendHeader(table.Row{"line", "when (UTC)", "who", "what", "user", "detail"})
	err := a.walkAudit(c, s, o, func(r store.AuditRow) error {
		t.AppendRow(table.Row{r.ID, minute(r.At), cmp.Or(r.Actor, "-"), r.Action, cmp.Or(r.UserID, "-"), r.Detail})
		if t.Length() == page {
			t.Render()
			t.ResetRows()
		}
		return nil
	})
	if err == nil {
		t.Render()
	}
	return err
}
