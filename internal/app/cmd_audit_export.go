package app

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"alta/internal/roster"
	"alta/store"
)

func (a *app) auditExportCommand() *cobra.Command {
	var o auditOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write the audit log as CSV",
		Long: `export writes the audit log to a new file that only you can read, or to standard
output, the newest line first. An apostrophe stands before a cell that a
spreadsheet program would run as a formula. --json writes one object a line
instead, with every text as it is.`,
		Example: `  alta audit export audit-$(date +%F).csv
  alta audit export - --json | jq -r 'select(.action == "erase") | .user_id'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := o.filter(c, a.now()); err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				write := a.writeAuditCSV
				if asJSON {
					write = a.writeAuditJSON
				}
				if args[0] == "-" {
					_, err := write(c, s, o, a.out)
					return err
				}
				n, err := intoNewFile(args[0], func(out io.Writer) (int, error) { return write(c, s, o, out) })
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "Wrote %d lines to %s.\n", n, args[0])
				return err
			})
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON object a line")
	return c
}

func (a *app) writeAuditCSV(c *cobra.Command, s ledger, o auditOptions, out io.Writer) (n int, err error) {
	w := roster.NewCSVCells(out, "id", "at", "actor", "action", "user_id", "detail")
	err = a.walkAudit(c, s, o, func(r store.AuditRow) error {
		n++
		return w.Write(strconv.FormatInt(r.ID, 10), r.At.UTC().Format(time.RFC3339Nano), r.Actor, r.Action, r.UserID, r.Detail)
	})
	return n, errors.Join(err, w.Flush())
}

func (a *app) writeAuditJSON(c *cobra.Command, s ledger, o auditOptions, out io.Writer) (n int, err error) {
	buffered := bufio.NewWriter(out)
	enc := newLineEncoder(buffered)
	err = a.walkAudit(c, s, o, func(r store.AuditRow) error {
		n++
		return enc.Encode(auditLineOut(r))
	})
	return n, errors.Join(err, buffered.Flush())
}

// intoNewFile writes to a file that was not there, and that nobody else may read. One
// that could not be finished is taken away again.
func intoNewFile(path string, write func(io.Writer) (int, error)) (n int, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s exists, and nothing is overwritten; name another file", path)
	}
	if err != nil {
		return 0, fmt.Errorf("write the audit log: %w", err)
	}
	n, err = write(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(fmt.Errorf("write the audit log to %s: %w", path, err), os.Remove(path))
	}
	return n, nil
}
