package app

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"alta/store"
)

func (a *app) auditCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Who did what by hand, when and why, and proof that nobody rewrote it",
		Example: `  alta audit list --since 24h
  alta audit verify
  alta audit export audit.csv`,
	}
	c.AddCommand(a.auditListCommand(), a.auditVerifyCommand(), a.auditExportCommand())
	return c
}

// auditLineJSON is a line of the audit log as commands print it.
type auditLineJSON struct {
	ID     int64      `json:"id"`
	At     *time.Time `json:"at"`
	Actor  string     `json:"actor"`
	Action string     `json:"action"`
	UserID string     `json:"user_id"` // "" for what concerns no single user
	Detail string     `json:"detail"`
}

func auditLineOut(r store.AuditRow) auditLineJSON {
	return auditLineJSON{r.ID, utc(r.At), r.Actor, r.Action, r.UserID, r.Detail}
}

// auditOptions are the flags that narrow the audit log.
type auditOptions struct {
	user, actor, since string
	limit              int
}

func (o *auditOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.user, "user", "", "only what was done to this `USER`: an id, an external id or an e-mail address")
	c.Flags().StringVar(&o.actor, "actor", "", "only what this `NAME` did: a user of the machine, or a token")
	c.Flags().StringVar(&o.since, "since", "", "only from `WHEN` on: 24h ago, 2026-03-02, or a time of RFC 3339")
	c.Flags().IntVar(&o.limit, "limit", 0, "at most `N` lines")
}

// filter reads the flags; the user is looked up later.
func (o *auditOptions) filter(c *cobra.Command, now time.Time) (f store.AuditFilter, err error) {
	if c.Flags().Changed("limit") && o.limit < 1 {
		return f, usage("--limit %d: must be 1 or more", o.limit)
	}
	f.Actor = o.actor
	f.Since, err = parseSince(o.since, now)
	return f, err
}

// parseSince reads a moment: so long ago, a day in UTC, or a time of RFC 3339. ""
// is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--since %q: want how long ago, such as 24h, a day in UTC, such as 2026-03-02, or a time of RFC 3339", text)
}

// walkAudit calls each for every line that matches, the newest first. It reads page
// by page, so that a long log takes no memory.
func (a *app) walkAudit(c *cobra.Command, s ledger, o auditOptions, each func(store.AuditRow) error) error {
	f, err := o.filter(c, a.now())
	if err != nil {
		return err
	}
	if o.user != "" {
		r, err := s.Find(c.Context(), o.user)
		if err != nil {
			return err
		}
		f.User = r.User.ID
	}
	const page = 1000
	for left := o.limit; ; {
		f.Limit = page
		if o.limit > 0 {
			f.Limit = min(page, left)
		}
		lines, err := s.AuditPage(c.Context(), f)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := each(line); err != nil {
				return fmt.Errorf("print the audit log: %w", err)
			}
			f.Before = line.ID
		}
		left -= len(lines)
		if len(lines) < f.Limit || o.limit > 0 && left == 0 {
			return nil
		}
	}
}
