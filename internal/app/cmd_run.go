package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

func (a *app) runCommand() *cobra.Command {
	var dryRun, yes, asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "run",
		Short: "Make one pass now",
		Long: `run pulls the source if there is one, then delivers every mail that is due: it
mints a link, writes the mail, sends it and records it. It ends with a report
whose counts add up to the number selected.

A run that would mail far more users than usual (see [guard] in config.toml) stops
before the first mail. --yes lets it go: audited, for an hour, and for a tenth more
mails than were due. While a daemon runs, the daemon makes that run within seconds.

Exit status: 0 all sent or put off for a good reason; 1 something failed, is
held or is in doubt; 2 usage or configuration; 3 an outage stopped the run:
nothing was lost, and the next run goes on.`,
		Example: `  alta run
  alta run --dry-run        who would get what now; nothing is minted, sent or written
  alta run --limit 10       start small
  alta run --yes            yes, so many
  alta run --json | jq .sent`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("limit") && limit < 1 {
				return usage("--limit %d: must be 1 or more", limit)
			}
			if dryRun && yes {
				return usage("--dry-run sends nothing, so there is nothing to say --yes to")
			}
			if dryRun {
				return a.dryRun(c.Context(), limit, asJSON)
			}
			if err := a.checkReady(); err != nil {
				return err
			}
			return a.withStore(c.Context(), func(s ledger) error { return a.runOnce(c.Context(), s, limit, yes, asJSON) })
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "list who would get what now, and change nothing")
	c.Flags().BoolVar(&yes, "yes", false, "yes, to far more users than usual")
	c.Flags().IntVar(&limit, "limit", 0, "deliver at most `N` mails")
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return c
}

func (a *app) runOnce(ctx context.Context, s ledger, limit int, yes, asJSON bool) (err error) {
	e, err := a.newEngine(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	right, err := e.takeRight(ctx)
	if errors.Is(err, store.ErrLocked) && yes {
		return a.approve(ctx, s, limit, asJSON, err)
	}
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; if that is 'alta serve', it makes this run by itself", err)
	}
	if err != nil {
		return ledgerError(err)
	}
	defer giveBack(ctx, right, &err)

	if _, shared := s.(sharedLedger); !shared && a.config.Public.lasting() {
		a.log.Warn("'alta serve' does not run, and nothing else answers the links in these mails; start it, since users click soon")
	}
	p := pass{trigger: store.ByCommand, limit: limit}
	if yes {
		by := a.act("")
		p.yes = &by
	}
	bar := a.newDeliveryBar(ctx, e, limit)
	var why reasons
	p.done = func(d *pipeline.Delivery, v pipeline.Verdict, soFar pipeline.Report) {
		why.count(v)
		bar.done(d, v, soFar)
	}
	report, err := right.run(ctx, p)
	bar.stop()
	printErr := a.printReport(report, asJSON)
	if !asJSON {
		why.print(a.out)
	}
	if err != nil || printErr != nil {
		return errors.Join(ledgerError(err), printErr)
	}
	if ctx.Err() != nil {
		return stoppedBySignal()
	}
	return reportStatus(report)
}

// ledgerError gives an error of the ledger in mid-run the status of an outage:
// the run stopped, and what it had done is recorded or will be settled. Every
// mail under way meets the same outage, which is said once.
func ledgerError(err error) error {
	if _, known := errors.AsType[*exitError](err); known || err == nil {
		return err
	}
	if errors.Is(err, store.ErrMoved) {
		return err // no later start would fare better
	}
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Kind == pipeline.Outage {
		err = f
	}
	return &exitError{exitOutage, err}
}

func stoppedBySignal() error {
	return &exitError{exitOutage, errors.New("stopped by a signal; nothing is lost, and what was not sent is still due")}
}

// reportStatus turns a report into an exit status. What it says stands in the
// report, so nothing more is printed.
func reportStatus(r pipeline.Report) error {
	switch {
	case r.Outage != "":
		return &exitError{exitOutage, nil}
	case r.Failed+r.Held+r.Doubt > 0:
		return &exitError{exitFailed, nil}
	}
	return nil
}

func (a *app) printReport(r pipeline.Report, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	t := newTable(a.out)
	t.AppendHeader(table.Row{"selected", "sent", "retry", "failed", "held", "doubt", "cancelled", "minted", "took"})
	t.AppendRow(table.Row{r.Selected, r.Sent, r.Retry, r.Failed, r.Held, r.Doubt, r.Cancelled, r.Minted,
		(time.Duration(r.DurationMS) * time.Millisecond).String()})
	t.Render()
	if r.Outage != "" {
		fmt.Fprintf(a.out, "\nOutage: %s\nNothing is lost: mend it, and the next run goes on.\n", r.Outage)
	}
	return nil
}

// plannedMail is one line of a dry run.
type plannedMail struct {
	User    string           `json:"user"`
	Email   string           `json:"email"`
	Country pipeline.Country `json:"country"`
	Step    pipeline.Step    `json:"step"`
	Round   int              `json:"round"`
	DueAt   time.Time        `json:"due_at"`
	Wait    string           `json:"wait"` // why it would not go out now; "" when it would
}

// dryRun lists what a run would deliver. When there is a source it works on a
// copy of the ledger, so that the pull is real and nothing is written.
func (a *app) dryRun(ctx context.Context, limit int, asJSON bool) error {
	if err := a.load(); err != nil {
		return err
	}
	list := func(s ledger) error { return a.listDue(ctx, s, limit, asJSON) }
	if a.config.Database.shared() && a.config.Source.SQLite != "" {
		a.log.Warn("a dry run on PostgreSQL does not pull the source: it shows what is due in the ledger now")
	}
	if a.config.Database.shared() || a.config.Source.SQLite == "" {
		return a.withLedger(ctx, list)
	}
	return a.withCopy(ctx, func(copied ledger) error {
		if err := pullInto(ctx, copied, a.config, a.log, a.planner(), a.now); err != nil {
			return err
		}
		return list(copied)
	})
}

func (a *app) listDue(ctx context.Context, s ledger, limit int, asJSON bool) error {
	now := a.now()
	due, err := s.Due(ctx, now, limit)
	if err != nil {
		return err
	}
	plan := a.config.Plan.Plan()
	mails := make([]plannedMail, 0, len(due))
	for i := range due {
		d := &due[i]
		m := plannedMail{
			User: d.User.ID, Email: d.User.Email, Country: d.User.Country,
			Step: d.Step, Round: d.Round, DueAt: d.DueAt.UTC(),
		}
		switch v, wait := plan.Admit(d, now); {
		case wait && v.State == pipeline.Due:
			m.Wait = "until " + v.DueAt.In(d.User.Location()).Format("2006-01-02 15:04 MST")
		case wait:
			m.Wait = "never: " + v.Reason
		}
		mails = append(mails, m)
	}
	o, err := outlook(ctx, s, limit, now)
	if err != nil {
		return err
	}
	whyNot := a.config.Guard.Guard().Judge(o).WhyNot
	if asJSON {
		if whyNot != "" {
			a.log.Warn("the guard would stop this run", "reason", whyNot)
		}
		return a.printJSON(mails)
	}
	t := newTable(a.out)
	t.AppendHeader(table.Row{"user", "e-mail", "country", "step", "round", "wait"})
	for _, m := range mails {
		t.AppendRow(table.Row{m.User, m.Email, m.Country, m.Step, m.Round, m.Wait})
	}
	t.Render()
	if err := a.printDue(ctx, s, mails, now); err != nil || whyNot == "" {
		return err
	}
	_, err = fmt.Fprintf(a.out, "The guard would stop this run: %s.\n", whyNot)
	return err
}

// printDue sums a dry run up, and says when to look again if nothing would go.
func (a *app) printDue(ctx context.Context, s ledger, mails []plannedMail, now time.Time) error {
	waiting := 0
	for _, m := range mails {
		if m.Wait != "" {
			waiting++
		}
	}
	fmt.Fprintf(a.out, "\n%d mails are due", len(mails))
	if waiting > 0 {
		fmt.Fprintf(a.out, ", %d of them wait all the same", waiting)
	}
	fmt.Fprintln(a.out, ". Nothing was minted, sent or written.")
	q, _, err := s.QueueStatus(ctx, now)
	if err == nil && len(mails) == 0 && !q.NextDue.IsZero() {
		fmt.Fprintf(a.out, "The next falls due in %s, at %s UTC.\n", span(q.NextDue.Sub(now)), minute(q.NextDue))
	}
	return err
}

// withCopy runs do on a copy of the ledger, an empty one where there is none
// yet, and removes the copy.
func (a *app) withCopy(ctx context.Context, do func(ledger) error) (err error) {
	dir, err := os.MkdirTemp("", "alta-dry-run-")
	if err != nil {
		return fmt.Errorf("make a folder for the dry run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "copy.db")
	if a.ledgerExists() == nil {
		if err := a.withLedger(ctx, func(s ledger) error { return s.backup(ctx, path) }); err != nil {
			return err
		}
	}
	copied, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	return do(fileLedger{copied})
}
