package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

const (
	demoEvery    = 250 * time.Millisecond // a pass of the demo; a day of the plan lasts about a second
	demoPatience = 10 * time.Second       // how far ahead a due mail is worth waiting for
)

func (a *app) demoCommand() *cobra.Command {
	var once bool
	var users int
	c := &cobra.Command{
		Use:   "demo",
		Short: "The whole product on this machine, with nothing to set up",
		Long: `demo starts a simulated partner API with a verification provider behind it, and
an SMTP catcher with a mailbox to look into, imports sample users of MX and DO
into a fresh database and serves as 'alta serve' does, only that a day of the
plan lasts seconds. It names the addresses to open in a browser: press the button
in a mail, verify or reject, and see on the operator's page what becomes of the
user. Nothing leaves the machine. All of it, the mails too, is in a folder that it
names, and it goes on until Ctrl-C unless told --once.`,
		Example: `  alta demo
  alta demo --once
  alta demo --users 200`,
		RunE: func(c *cobra.Command, _ []string) error {
			if users < 1 || users > 100_000 {
				return usage("--users %d: want 1 to 100000", users)
			}
			return a.demo(c.Context(), users, once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "exit when every sample user got what the plan owes")
	c.Flags().IntVar(&users, "users", len(demoPeople()), "import `N` sample users")
	return c
}

func (a *app) demo(ctx context.Context, users int, once bool) (err error) {
	dir, err := os.MkdirTemp("", "alta-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	people := demoUsers(users)
	world, err := startDemoWorld(dir, people, a.now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.close()) }()
	if err := a.loadDemoConfig(world, once); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "A simulated partner API answers at %s and an SMTP catcher at %s.\nEverything is in %s\n\n",
		world.api.URL(), world.smtpAddress(), dir)
	return a.withStore(ctx, func(s ledger) error { return a.playDemo(ctx, s, world, people, once) })
}

// playDemo does what 'alta users import', 'alta webhook register' and 'alta serve'
// do, only faster.
func (a *app) playDemo(ctx context.Context, s ledger, w *demoWorld, people []demoUser, once bool) (err error) {
	csv := filepath.Join(w.dir, "users.csv")
	if err := os.WriteFile(csv, demoCSV(people), 0o600); err != nil {
		return fmt.Errorf("write the sample users: %w", err)
	}
	fmt.Fprintf(a.out, "alta users import %s\n  ", filepath.Base(csv))
	if err := a.importUsers(ctx, s, csv, false); err != nil {
		return err
	}
	e, err := a.newEngine(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if err := e.capa.RegisterWebhook(ctx, a.config.webhookURL()); err != nil {
		return err
	}
	if !once {
		if err := a.printAddresses(ctx, e, w); err != nil {
			return err
		}
	}
	if err := e.serveAlone(ctx, func(ctx context.Context) error { return a.demoPasses(ctx, e, w, people, once) }); err != nil {
		return err
	}
	if err := w.letters.writeIndex(); err != nil {
		return err
	}
	return a.printDemo(context.WithoutCancel(ctx), e, w, people)
}

// printAddresses says what to open while the demo goes on, and makes the token to sign
// in with. It opens nothing but this demo, which ends with its ledger.
func (a *app) printAddresses(ctx context.Context, e *engine, w *demoWorld) error {
	text := store.NewToken()
	t := store.Token{Name: "demo", Role: store.Operator, Digest: store.DigestSecret(text)}
	if err := e.store.AddToken(ctx, t, store.Act{Actor: "demo", Reason: "to look around"}, a.now()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, `
Open %s/ for the mailbox: press the button in a mail, and be the user.
Open http://%s/ for the operator's page, and sign in with the token
  %s
Ctrl-C ends it all.

`, w.mailbox.URL(), w.address("operator.listen"), text.Reveal())
	return err
}

// demoPasses makes pass after pass. One user is verified after the first mail,
// and hears no more.
func (a *app) demoPasses(ctx context.Context, e *engine, w *demoWorld, people []demoUser, once bool) error {
	began := a.now()
	ticks := time.NewTicker(demoEvery)
	defer ticks.Stop()
	for first := true; ; first = false {
		report, err := a.demoPass(ctx, e, began, len(people))
		if err != nil {
			return err
		}
		if first && ctx.Err() == nil {
			if err := a.playOne(ctx, w, people[0]); err != nil {
				return err
			}
		}
		if once && (report.Outage != "" || a.demoIsOver(ctx, e)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case event := <-w.events:
			fmt.Fprintf(a.out, "%4.1f s  webhook: %s\n", a.now().Sub(began).Seconds(), event)
		case <-e.wake: // an operator wants a run now, and this is one
		case <-ticks.C:
		}
	}
}

// demoPass delivers what is due, each user at most once on the average, so that
// the steps show one after the other.
func (a *app) demoPass(ctx context.Context, e *engine, began time.Time, limit int) (pipeline.Report, error) {
	due, err := e.store.CountDue(ctx, a.now())
	if err != nil || due == 0 {
		if ctx.Err() != nil {
			err = nil
		}
		return pipeline.Report{}, err
	}
	steps := map[pipeline.Step]int{}
	bar := a.newDeliveryBar(ctx, e, 0)
	report, err := e.run(ctx, pass{trigger: store.ByCommand, limit: limit, done: func(d *pipeline.Delivery, v pipeline.Verdict, soFar pipeline.Report) {
		if v.Outcome == pipeline.OutcomeSent {
			steps[d.Step]++
		}
		bar.done(d, v, soFar)
	}})
	bar.stop()
	if err != nil {
		return report, err
	}
	var sent []string
	for _, step := range pipeline.Steps() {
		if steps[step] > 0 {
			sent = append(sent, fmt.Sprintf("%s %d", step, steps[step]))
		}
	}
	line := fmt.Sprintf("%4.1f s  sent: %s", a.now().Sub(began).Seconds(), strings.Join(sent, ", "))
	if report.Failed+report.Retry+report.Held > 0 {
		line += fmt.Sprintf("; failed %d, retry later %d, held %d", report.Failed, report.Retry, report.Held)
	}
	_, err = fmt.Fprintln(a.out, line)
	return report, err
}

// playOne plays the first sample user, who goes through the verification.
func (a *app) playOne(ctx context.Context, w *demoWorld, p demoUser) error {
	if _, err := fmt.Fprintf(a.out, "%4s    %s presses the button, completes the verification, and hears no more\n", "", p.name); err != nil {
		return err
	}
	if err := w.visit(ctx, p.email); err != nil {
		return fmt.Errorf("play %s: %w", p.name, err)
	}
	return nil
}

// demoIsOver tells whether nothing more falls due soon: what is left are the
// retries of those who fail on purpose, a minute and more away.
func (a *app) demoIsOver(ctx context.Context, e *engine) bool {
	now := a.now()
	q, _, err := e.store.QueueStatus(ctx, now)
	if err != nil {
		return true // the tables that follow say what is wrong
	}
	return q.DueNow == 0 && (q.NextDue.IsZero() || q.NextDue.Sub(now) > demoPatience)
}

func (a *app) printDemo(ctx context.Context, e *engine, w *demoWorld, people []demoUser) error {
	const most = 24 // lines of each table; a thousand users would bury the end
	mails, err := w.letters.all()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	t := newTable(a.out)
	t.AppendHeader(table.Row{"mail", "to", "subject"})
	for _, m := range mails[:min(most, len(mails))] {
		t.AppendRow(table.Row{m.File + ".html", m.To, m.Subject})
	}
	t.Render()
	if len(mails) > most {
		fmt.Fprintf(a.out, "… and %d more\n", len(mails)-most)
	}

	fmt.Fprintln(a.out)
	t = newTable(a.out)
	t.SetColumnConfigs(wrapped(5, 70))
	t.AppendHeader(table.Row{"user", "country", "status", "mails", "next"})
	plan := e.plan
	err = e.store.List(ctx, store.Filter{Limit: most}, func(r store.UserRecord) error {
		x, err := readExplanation(ctx, e.store, r.User.ID)
		if err != nil {
			return err
		}
		t.AppendRow(table.Row{r.User.Name, r.User.Country, r.User.Status, r.History.Mails, x.outlook(plan, a.now())})
		return nil
	})
	if err != nil {
		return err
	}
	t.Render()
	config := filepath.Join(w.dir, defaultConfigFile)
	_, err = fmt.Fprintf(a.out, `
%d mails, as .eml and .html: open %s
The ledger is kept; with alta built (go build -o alta .), try
  ./alta status --config %s
  ./alta explain %s --config %s
`, len(mails), filepath.Join(w.dir, "mails", "index.html"), config, people[min(1, len(people)-1)].email, config)
	return err
}
