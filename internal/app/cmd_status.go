package app

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

// lastRuns is how many runs the status shows.
const lastRuns = 5

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "The funnel by country, the queue, links, the last runs and the machines",
		Long:  `status shows where everything stands now. It only reads, so it is safe at any time.`,
		Example: `  alta status
  alta status --json | jq .queue.due_now`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withLedger(c.Context(), func(s ledger) error { return a.status(c.Context(), s, asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type statusJSON struct {
	Funnel  []funnelJSON `json:"funnel"`
	Queue   queueJSON    `json:"queue"`
	Links   linksJSON    `json:"links"`
	Pauses  []pauseJSON  `json:"pauses"`
	NextRun *time.Time   `json:"next_run"` // by the schedule, if the daemon runs
	Runs    []runJSON    `json:"runs"`

	Machines     []machineJSON     `json:"machines"`      // of the fleet; none for a ledger in a file
	PausedQueues []pausedQueueJSON `json:"paused_queues"` // of River's, likewise
}

type funnelJSON struct {
	Country   pipeline.Country `json:"country"`
	Users     int              `json:"users"`
	Waiting   int              `json:"waiting"`
	Mailed    int              `json:"mailed"`
	Opened    int              `json:"opened"` // of those mailed, or waiting
	InReview  int              `json:"in_review"`
	Verified  int              `json:"verified"`
	Rejected  int              `json:"rejected"`
	OptedOut  int              `json:"opted_out"`
	Erased    int              `json:"erased"`
	Withdrawn int              `json:"withdrawn"`
	BadEmail  int              `json:"bad_email"`
}

type queueJSON struct {
	DueNow    int        `json:"due_now"`
	Later     int        `json:"later"`
	Retry     int        `json:"retry"`
	Claimed   int        `json:"claimed"`
	Sending   int        `json:"sending"`
	Held      int        `json:"held"`
	Doubt     int        `json:"doubt"`
	Failed    int        `json:"failed"`
	OldestDue *time.Time `json:"oldest_due"`
	NextDue   *time.Time `json:"next_due"`
}

type linksJSON struct {
	Live          int `json:"live"`
	Expired       int `json:"expired"`
	DoubtfulMints int `json:"doubtful_mints"` // since ever
}

type pauseJSON struct {
	Scope   string     `json:"scope"` // "all", "MX" or "DO"
	Type    string     `json:"type"`  // "INDIVIDUAL" or "BUSINESS"; "" with all
	Code    string     `json:"code"`
	Reason  string     `json:"reason"`
	Since   *time.Time `json:"since"`
	ProbeAt *time.Time `json:"probe_at"`
}

type runJSON struct {
	ID         int64      `json:"id"`
	Trigger    string     `json:"trigger"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Error      string     `json:"error"`
	pipeline.Report
}

type machineJSON struct {
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Leads     bool       `json:"leads"` // it rings the schedule
	Draining  bool       `json:"draining"`
	Workers   int        `json:"workers"`
	Preparing int        `json:"preparing"` // mails
	Sending   int        `json:"sending"`
	Runs      []int64    `json:"runs"` // that it pulls for
	StartedAt *time.Time `json:"started_at"`
	SeenAt    *time.Time `json:"seen_at"`
}

type pausedQueueJSON struct {
	Name  string     `json:"name"`
	Since *time.Time `json:"since"`
}

func (a *app) status(ctx context.Context, s ledger, asJSON bool) error {
	now := a.now()
	st, err := s.Status(ctx, now)
	if err != nil {
		return err
	}
	runs, err := s.Runs(ctx, lastRuns)
	if err != nil {
		return err
	}
	fleet, err := fleetOf(ctx, s, now)
	if err != nil {
		return err
	}
	next := a.config.Schedule.Schedule.Next(now.In(a.config.Schedule.Location))
	if asJSON {
		return a.printJSON(statusOut(st, runs, fleet, next))
	}
	a.printFunnel(st.Funnel)
	a.printQueue(st, now)
	a.printRuns(runs, next)
	if a.config.Database.shared() {
		a.printMachines(fleet.machines, now)
		a.printPausedQueues(fleet.paused, now)
	}
	return nil
}

func statusOut(st store.Status, runs []store.Run, fleet fleetStatus, next time.Time) statusJSON {
	q := st.Queue
	out := statusJSON{
		Funnel: []funnelJSON{}, Pauses: []pauseJSON{}, Runs: []runJSON{}, Machines: []machineJSON{}, PausedQueues: []pausedQueueJSON{},
		Queue: queueJSON{
			DueNow: q.DueNow, Later: q.Later, Retry: q.Retry, Claimed: q.Claimed, Sending: q.Sending,
			Held: q.Held, Doubt: q.Doubt, Failed: q.Failed, OldestDue: utc(q.OldestDue), NextDue: utc(q.NextDue),
		},
		Links:   linksJSON(st.Links),
		NextRun: utc(next),
	}
	for _, f := range st.Funnel {
		out.Funnel = append(out.Funnel, funnelJSON(f))
	}
	for _, p := range st.Pauses {
		out.Pauses = append(out.Pauses, pauseJSON{scope(p), string(p.Type), p.Code, p.Reason, utc(p.Since), utc(p.ProbeAt)})
	}
	out.Runs = runsOut(runs)
	for _, m := range fleet.machines {
		out.Machines = append(out.Machines, machineJSON{
			m.Name, m.Version, m.Leads, m.Draining, m.Workers, m.Claimed, m.Sending, m.Runs, utc(m.StartedAt), utc(m.SeenAt),
		})
	}
	for _, q := range fleet.paused {
		out.PausedQueues = append(out.PausedQueues, pausedQueueJSON{q.Name, utc(q.Since)})
	}
	return out
}

func runsOut(runs []store.Run) []runJSON {
	out := []runJSON{}
	for _, r := range runs {
		out = append(out, runJSON{r.ID, string(r.Trigger), utc(r.StartedAt), utc(r.FinishedAt), r.Error, r.Report})
	}
	return out
}

func scope(p pipeline.Pause) string {
	if p.IsOutage() {
		return "all"
	}
	return string(p.Country)
}

func (a *app) printFunnel(funnel []store.Funnel) {
	t := newTable(a.out)
	t.AppendHeader(table.Row{"country", "users", "waiting", "mailed", "in review", "verified", "rejected", "opted out", "erased"})
	for _, f := range funnel {
		t.AppendRow(table.Row{f.Country, f.Users, f.Waiting, f.Mailed, f.InReview, f.Verified, f.Rejected, f.OptedOut, f.Erased})
	}
	t.Render()
	for _, f := range funnel {
		if f.Withdrawn > 0 {
			fmt.Fprintf(a.out, "%s: %d of the pending are no longer returned by the source query, and get no mail\n", f.Country, f.Withdrawn)
		}
		if f.BadEmail > 0 {
			fmt.Fprintf(a.out, "%s: %d of the pending have an undeliverable address; import better ones\n", f.Country, f.BadEmail)
		}
	}
}

func (a *app) printQueue(st store.Status, now time.Time) {
	q := st.Queue
	fmt.Fprintln(a.out)
	t := newTable(a.out)
	t.AppendHeader(table.Row{"due now", "later", "retry", "in work", "held", "doubt", "failed", "live links", "expired"})
	t.AppendRow(table.Row{q.DueNow, q.Later, q.Retry, q.Claimed + q.Sending, q.Held, q.Doubt, q.Failed, st.Links.Live, st.Links.Expired})
	t.Render()
	if !q.OldestDue.IsZero() {
		fmt.Fprintf(a.out, "The oldest has been due for %s.\n", span(now.Sub(q.OldestDue)))
	}
	if !q.NextDue.IsZero() {
		fmt.Fprintf(a.out, "The next falls due in %s, at %s UTC.\n", span(q.NextDue.Sub(now)), minute(q.NextDue))
	}
	for _, p := range st.Pauses {
		what := "OUTAGE"
		if !p.IsOutage() {
			what = "ON HOLD: " + pausedUsers(p)
		}
		probe := "The next run tries one mail"
		if !p.Ripe(now) {
			probe = "After " + minute(p.ProbeAt) + " UTC one mail is tried"
		}
		fmt.Fprintf(a.out, "\n%s since %s UTC: %s\nNothing is lost. %s; when it goes through, so do the rest.\n",
			what, minute(p.Since), p.Reason, probe)
	}
}

func (a *app) printRuns(runs []store.Run, next time.Time) {
	fmt.Fprintln(a.out)
	t := newTable(a.out)
	t.AppendHeader(table.Row{"run (UTC)", "trigger", "selected", "sent", "retry", "failed", "held", "doubt", "cancelled", "took", "end"})
	for _, r := range runs {
		p := r.Report
		end := "done"
		switch {
		case r.FinishedAt.IsZero():
			end = "running"
		case r.Error != "":
			end = "error: " + r.Error
		case p.Outage != "":
			end = "outage"
		}
		t.AppendRow(table.Row{minute(r.StartedAt), r.Trigger, p.Selected, p.Sent, p.Retry, p.Failed, p.Held, p.Doubt, p.Cancelled,
			(time.Duration(p.DurationMS) * time.Millisecond).String(), end})
	}
	t.Render()
	if len(runs) > 0 && runs[0].Report.Outage != "" {
		fmt.Fprintf(a.out, "The latest run was stopped by an outage: %s\n", runs[0].Report.Outage)
	}
	fmt.Fprintf(a.out, "The next run of 'alta serve' is at %s UTC.\n", minute(next.UTC()))
}
