package app

import (
	"context"
	"errors"
	"fmt"
	"net/mail"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/internal/roster"
	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

func (a *app) doctorCommand() *cobra.Command {
	var sendTo string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything, and say what to mend",
		Long: `doctor checks the configuration, the database, the data key, the source, the
templates, the API key, the login at the SMTP server and, where a webhook secret
and public.base_url are set, whether a signed test event comes through to alta. No
link is minted and no user is mailed. With --send-to a test mail goes to that
address, and the server's own reply is shown.

Exit status: 0 all is well, 1 something has to be mended, 2 the configuration
can't be read at all.`,
		Example: `  alta doctor
  alta doctor --send-to me@example.com`,
		RunE: func(c *cobra.Command, _ []string) error {
			var to *mail.Address
			if sendTo != "" {
				var err error
				if to, err = mail.ParseAddress(sendTo); err != nil {
					return usage("--send-to %q: want an e-mail address", sendTo)
				}
			}
			if err := a.load(); err != nil {
				return err
			}
			return a.doctor(c.Context(), to, asJSON)
		},
	}
	c.Flags().StringVar(&sendTo, "send-to", "", "send a test mail to `ADDR` and show the server's reply")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"` // "ok", "warning" or "mend"
	Detail string `json:"detail"`
}

func (a *app) doctor(ctx context.Context, sendTo *mail.Address, asJSON bool) error {
	findings := a.examine(ctx, sendTo)
	sick := false
	for _, f := range findings {
		sick = sick || f.Result == "mend"
	}
	if asJSON {
		if err := a.printJSON(findings); err != nil {
			return err
		}
	} else {
		t := newTable(a.out)
		t.SetColumnConfigs(wrapped(3, 90))
		for _, f := range findings {
			t.AppendRow(table.Row{f.Result, f.Check, f.Detail})
		}
		t.Render()
	}
	if sick {
		return &exitError{exitFailed, nil}
	}
	return nil
}

// examine runs every check, whatever the others found.
func (a *app) examine(ctx context.Context, sendTo *mail.Address) []finding {
	var all []finding
	add := func(check, detail string, err error) {
		f := finding{check, "ok", detail}
		if err != nil {
			f.Result, f.Detail = "mend", err.Error()
		}
		all = append(all, f)
	}
	warn := func(check, detail string) { all = append(all, finding{check, "warning", detail}) }

	c := a.config
	file := c.File
	if file == "" {
		file = "the built-in defaults; 'alta init' writes a file to start from"
	}
	ready := c.CheckReady()
	if mistakes, ok := errors.AsType[*ConfigError](ready); ok {
		for _, m := range mistakes.Problems {
			add("configuration", "", errors.New(m.String()))
		}
	} else {
		add("configuration", file, ready)
	}
	for _, w := range c.Warnings {
		warn("configuration", w)
	}
	detail, err := a.checkDatabase(ctx)
	add("database", detail, err)
	a.checkKey(ctx, add, warn)
	if c.Source.SQLite != "" {
		a.checkSource(ctx, add, warn)
	}
	for _, w := range c.LegalWarnings() {
		warn("brand", w)
	}
	add("schedule", fmt.Sprintf("%s; the next run is at %s", c.Schedule.Cron,
		c.Schedule.Schedule.Next(a.now().In(c.Schedule.Location)).Format("2006-01-02 15:04 MST")), nil)
	if len(c.Capa.LinkHosts) == 0 {
		warn("partner API", "capa.link_hosts is empty: a link to any https host would be mailed; name the provider's host once you know it")
	}
	if a.config.webhookURL() != "" && len(c.Webhook.Secrets()) > 0 {
		a.checkWebhook(ctx, add, warn)
	}
	if c.SMTP.DKIM.Domain == "" {
		warn("SMTP", "smtp.dkim is not set: fine if your server signs, otherwise mails may land in spam")
	}
	if ready != nil {
		warn("the rest", "templates, partner API and SMTP are checked once the configuration above is complete")
		return all
	}

	_, err = loadTemplates(c)
	add("templates", "every step, locale and part renders", err)
	err = a.checkCapa(ctx)
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Kind == pipeline.Hold {
		warn("partner API", f.Reason)
	} else {
		add("partner API", "the key is accepted at "+c.Capa.BaseURL, err)
	}
	detail, err = a.checkSMTP(ctx, sendTo)
	add("SMTP", detail, err)
	return all
}

func (a *app) checkDatabase(ctx context.Context) (detail string, err error) {
	if err := a.ledgerExists(); err != nil {
		return err.Error(), nil // not made yet, which is no mistake
	}
	s, err := a.open(ctx, true)
	if errors.Is(err, postgres.ErrNoLedger) {
		return err.Error(), nil // neither
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Check(ctx); err != nil {
		return "", err
	}
	detail = s.name() + " is sound"
	release, err := s.hold(ctx, false)
	if errors.Is(err, store.ErrLocked) {
		return detail + "; " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	return detail + "; no process runs the pipeline now", release()
}

// mostBadRows bounds the rows of the source that the doctor names.
const mostBadRows = 5

// checkSource reads the source; whoever stands in a bad row gets no mail.
func (a *app) checkSource(ctx context.Context, add func(string, string, error), warn func(string, string)) {
	good, bad, last := 0, 0, 0
	err := readSource(ctx, a.config, func() { good++ }, func(p roster.Problem) {
		if p.Line == last {
			return
		}
		last = p.Line
		if bad++; bad <= mostBadRows {
			warn("source", fmt.Sprintf("row %d, %s: %s; that user gets no mail until it is mended", p.Line, p.Column, p.Reason))
		}
	})
	add("source", fmt.Sprintf("the query returns %d good rows and %d bad ones", good, bad), err)
}

func (a *app) checkCapa(ctx context.Context) error {
	client, err := newCapa(a.config, a.now)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Check(ctx)
}

func (a *app) checkSMTP(ctx context.Context, sendTo *mail.Address) (detail string, err error) {
	m, err := newMailer(a.config, a.now, func(reason string) { a.log.Warn(reason) })
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	server := fmt.Sprintf("%s:%d", a.config.SMTP.Host, a.config.SMTP.Port)
	if sendTo == nil {
		return "connection and login work at " + server, m.Check(ctx)
	}
	reply, err := m.SendTest(ctx, *sendTo, testContent(a.config.Brand.Name))
	return "a test mail to " + sendTo.Address + " was taken by " + server + ": " + reply, err
}
