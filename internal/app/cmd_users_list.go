package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/internal/roster"
	"alta/pipeline"
	"alta/store"
)

// userJSON is a user as commands print it.
type userJSON struct {
	ID         string            `json:"id"`
	ExternalID string            `json:"external_id"`
	Email      string            `json:"email"`
	Name       string            `json:"name"`
	Country    pipeline.Country  `json:"country"`
	Locale     pipeline.Locale   `json:"locale"`
	TimeZone   string            `json:"time_zone"`
	Type       pipeline.UserType `json:"type"`
	Status     pipeline.Status   `json:"status"`
	Mails      int               `json:"mails"`
	InvitedAt  *time.Time        `json:"invited_at"`
	LastMailAt *time.Time        `json:"last_mail_at"`
	LinkUntil  *time.Time        `json:"link_expires_at"`
	OpenedAt   *time.Time        `json:"opened_at"`   // when a person first opened a lasting link
	VerifiedAt *time.Time        `json:"verified_at"` // when the user last became verified
	Withdrawn  bool              `json:"withdrawn"`
	AddressBad bool              `json:"address_bad"`
	CreatedAt  *time.Time        `json:"created_at"`
	UpdatedAt  *time.Time        `json:"updated_at"`
}

func userOut(r store.UserRecord) userJSON {
	u, h := r.User, r.History
	return userJSON{
		ID: u.ID, ExternalID: u.ExternalID, Email: u.Email, Name: u.Name, Country: u.Country, Locale: u.Locale,
		TimeZone: u.TimeZone, Type: u.Type, Status: u.Status, Mails: h.Mails, InvitedAt: utc(h.InvitedAt),
		LastMailAt: utc(h.LastAt), LinkUntil: utc(h.LinkExpiresAt), OpenedAt: utc(r.OpenedAt), VerifiedAt: utc(r.VerifiedAt), Withdrawn: r.Withdrawn, AddressBad: r.AddressBad,
		CreatedAt: utc(r.CreatedAt), UpdatedAt: utc(r.UpdatedAt),
	}
}

func (a *app) usersListCommand() *cobra.Command {
	var country, status string
	var limit int
	var asJSON, asCSV bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List users",
		Long: `list prints users in the order in which they came in; as JSON it prints one
object a line. As CSV it prints what 'alta users import' takes back, without
those who were erased. There an apostrophe stands before a value that a
spreadsheet program would run as a formula; import takes it off again.`,
		Example: `  alta users list --country DO --status pending --limit 20
  alta users list --json | jq -r 'select(.mails == 0) | .email'
  alta users list --csv > users.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			f := store.Filter{Limit: limit}
			var err error
			if f.Country, err = parseCountry(country); err != nil {
				return err
			}
			if f.Status, err = parseStatus(status, pipeline.Statuses()); err != nil {
				return err
			}
			if c.Flags().Changed("limit") && limit < 1 {
				return usage("--limit %d: must be 1 or more", limit)
			}
			list := a.listUsers
			switch {
			case asJSON && asCSV:
				return usage("--json and --csv: name one of them")
			case asJSON:
				list = a.listUsersJSON
			case asCSV:
				list = a.listUsersCSV
			}
			return a.withLedger(c.Context(), func(s ledger) error { return list(c.Context(), s, f) })
		},
	}
	c.Flags().StringVar(&country, "country", "", "only users of `MX` or DO")
	c.Flags().StringVar(&status, "status", "", "only users with this `STATUS`: "+joinStatuses(pipeline.Statuses()))
	offerCountry(c)
	offer(c, "status", words(pipeline.Statuses())...)
	c.Flags().IntVar(&limit, "limit", 0, "at most `N` users")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	c.Flags().BoolVar(&asCSV, "csv", false, "print CSV that 'alta users import' takes back")
	return c
}

func (a *app) listUsersJSON(ctx context.Context, s ledger, f store.Filter) error {
	enc := newLineEncoder(a.out)
	return s.List(ctx, f, func(r store.UserRecord) error { return enc.Encode(userOut(r)) })
}

func (a *app) listUsersCSV(ctx context.Context, s ledger, f store.Filter) error {
	w := roster.NewCSVWriter(a.out)
	err := s.List(ctx, f, func(r store.UserRecord) error {
		if r.User.Status == pipeline.Erased {
			return nil // nothing is left of them but the id
		}
		return w.Write(r.User)
	})
	return errors.Join(err, w.Flush())
}

func (a *app) listUsers(ctx context.Context, s ledger, f store.Filter) error {
	const page = 1000 // rows that share one layout, so that memory stays flat
	t := newTable(a.out)
	header := table.Row{"id", "e-mail", "name", "country", "status", "mails", "last mail (UTC)"}
	t.AppendHeader(header)
	err := s.List(ctx, f, func(r store.UserRecord) error {
		t.AppendRow(table.Row{r.User.ID, r.User.Email, r.User.Name, r.User.Country, r.User.Status, r.History.Mails, minute(r.History.LastAt)})
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

func (a *app) usersShowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "show USER",
		Short:   "Show one user, found by id, external id or e-mail",
		Example: `  alta users show ana@example.mx --json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withLedger(c.Context(), func(s ledger) error {
				r, err := s.Find(c.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(userOut(r))
				}
				return a.printUser(r)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printUser(r store.UserRecord) error {
	u := r.User
	t := newTable(a.out)
	t.AppendRows([]table.Row{
		{"id", u.ID}, {"external id", u.ExternalID}, {"name", u.Name}, {"e-mail", u.Email},
		{"country", u.Country}, {"locale", u.Locale}, {"time zone", u.TimeZone}, {"type", u.Type}, {"status", u.Status},
		{"mails", r.History.Mails}, {"last mail (UTC)", minute(r.History.LastAt)},
		{"link until (UTC)", linkUntil(r)}, {"came in (UTC)", minute(r.CreatedAt)},
	})
	t.Render()
	if r.Withdrawn {
		fmt.Fprintln(a.out, "\nThe source query no longer returns this user, so no mail goes out.")
	}
	if r.AddressBad {
		fmt.Fprintln(a.out, "\nThe mail server refused the address for good; import a better one, or 'alta resend'.")
	}
	return nil
}

// linkUntil says until when the link of a user's latest mail is good.
func linkUntil(r store.UserRecord) string {
	if r.History.Mails > 0 && r.History.LinkExpiresAt.IsZero() && r.User.Status != pipeline.Erased {
		return "lasting link"
	}
	return minute(r.History.LinkExpiresAt)
}
