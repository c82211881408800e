package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"alta/store/postgres"
)

// printMachines shows the fleet: which machines serve, who leads, and what each
// does.
func (a *app) printMachines(machines []postgres.Machine, now time.Time) {
	if len(machines) == 0 {
		fmt.Fprintln(a.out, "\nNo machine serves: 'alta serve' starts one.")
		return
	}
	fmt.Fprintln(a.out)
	t := newTable(a.out)
	t.AppendHeader(table.Row{"machine", "version", "up for", "seen", "workers", "preparing", "sending", "does"})
	for _, m := range machines {
		t.AppendRow(table.Row{m.Name, m.Version, span(now.Sub(m.StartedAt)), span(now.Sub(m.SeenAt)) + " ago", m.Workers, m.Claimed, m.Sending, duties(m)})
	}
	t.Render()
}

// duties says what a machine does beside sending mails.
func duties(m postgres.Machine) string {
	var all []string
	if m.Leads {
		all = append(all, "leads: rings the schedule")
	}
	for _, run := range m.Runs {
		all = append(all, fmt.Sprintf("pulls for run %d", run))
	}
	if m.Draining {
		all = append(all, "drains: takes nothing new")
	}
	return strings.Join(all, "; ")
}
