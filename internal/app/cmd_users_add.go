package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"alta/internal/roster"
	"alta/pipeline"
	"alta/store"
)

func (a *app) usersAddCommand() *cobra.Command {
	var f roster.Fields
	var asJSON bool
	c := &cobra.Command{
		Use:     "add",
		Short:   "Add one user, or bring one up to date",
		Example: `  alta users add --id 8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e --email ana@example.mx --name "Ana Torres" --country MX`,
		RunE: func(c *cobra.Command, _ []string) error {
			u, problems := roster.Validate(f)
			if len(problems) > 0 {
				lines := make([]string, len(problems))
				for i, p := range problems {
					lines[i] = "--" + strings.ReplaceAll(p.Column, "_", "-") + ": " + p.Reason
				}
				return usage("%s", strings.Join(lines, "\n      "))
			}
			return a.withStore(c.Context(), func(s ledger) error {
				counts, err := s.Enrol(c.Context(), []pipeline.User{u}, store.Imported, a.planner(), a.now())
				if err != nil {
					return err
				}
				if counts.Erased > 0 {
					return fmt.Errorf("user %s was erased, which is final", u.ID)
				}
				word := map[bool]string{counts.Added > 0: "added", counts.Updated > 0: "updated", counts.Unchanged > 0: "unchanged"}[true]
				return a.printAct(c.Context(), s, store.UserRecord{User: u}, word, asJSON)
			})
		},
	}
	for _, flag := range []struct {
		into       *string
		name, text string
	}{
		{&f.ID, "id", "the Capa user `ID` (required)"},
		{&f.Email, "email", "the e-mail `ADDRESS` (required)"},
		{&f.Name, "name", "the `NAME` (required)"},
		{&f.Country, "country", "`MX` or DO (required)"},
		{&f.ExternalID, "external-id", "your own `ID` of the user"},
		{&f.Locale, "locale", "`LOCALE` of the mails: es-MX or es-DO"},
		{&f.TimeZone, "time-zone", "IANA time `ZONE`, America/Tijuana for example"},
		{&f.Type, "type", "`TYPE`: INDIVIDUAL or BUSINESS"},
		{&f.Status, "status", "`STATUS`, pending if not given"},
	} {
		c.Flags().StringVar(flag.into, flag.name, "", flag.text)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the user as JSON")
	return c
}
