package app

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"alta/pipeline"
)

func (a *app) usersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "users",
		Short: "Import, list, show, add, mark and erase users",
		Example: `  alta users import users.csv
  alta users list --country MX --status pending
  alta users mark 8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e verified`,
	}
	c.AddCommand(a.usersImportCommand(), a.usersListCommand(), a.usersShowCommand(),
		a.usersAddCommand(), a.usersMarkCommand(), a.usersEraseCommand())
	return c
}

func parseCountry(s string) (pipeline.Country, error) {
	switch c := pipeline.Country(strings.ToUpper(s)); c {
	case "", pipeline.MX, pipeline.DO:
		return c, nil
	}
	return "", usage("--country %q: want MX or DO", s)
}

func parseStatus(s string, allowed []pipeline.Status) (pipeline.Status, error) {
	if status := pipeline.Status(s); s == "" || slices.Contains(allowed, status) {
		return status, nil
	}
	return "", usage("status %q: want one of %s", s, joinStatuses(allowed))
}

func joinStatuses(all []pipeline.Status) string { return strings.Join(words(all), ", ") }
