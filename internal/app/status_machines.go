package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"alta/store/postgres"
)

// fleetStatus is what there is to say of a fleet beside its ledger.
type fleetStatus struct {
	machines []postgres.Machine
	paused   []postgres.PausedQueue
}

// fleetOf looks at the fleet of a ledger; one in a file has none.
func fleetOf(ctx context.Context, s ledger, now time.Time) (f fleetStatus, err error) {
	shared, ok := s.(sharedLedger)
	if !ok {
		return f, nil
	}
	if f.machines, err = shared.Machines(ctx, now); err == nil {
		f.paused, err = shared.PausedQueues(ctx)
	}
	return f, err
}

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

// printPausedQueues says why mails stay in work, or runs do not begin: whoever paused
// a queue may not be who looks.
func (a *app) printPausedQueues(paused []postgres.PausedQueue, now time.Time) {
	for _, q := range paused {
		fmt.Fprintf(a.out, "\nPAUSED: River's queue %s, with a tool of River's, %s ago. Nothing in it goes on until it is resumed there. If you have\n"+
			"no such tool, start all machines again behind UPDATE river_queue SET paused_at = NULL WHERE name = '%s';\n", q.Name, span(now.Sub(q.Since)), q.Name)
	}
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
