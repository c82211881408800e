package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/mail"

	"golang.org/x/time/rate"

	"alta/internal/capa"
	"alta/internal/mailer"
	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
	"alta/templates"
)

// engine is everything that a run needs, wired once.
type engine struct {
	config  *Config
	log     *slog.Logger
	now     pipeline.Clock
	store   ledger
	file    fileLedger // the same, where it is a file and this process may have it alone
	plan    pipeline.Plan
	capa    *capa.Client
	mails   *templates.Set
	mailer  *mailer.Mailer
	metrics *web.Metrics
	smtp    pipeline.Waiter         // spaces mails out by smtp.rate
	sockets map[string]net.Listener // opened before, by the setting with the address

	underway underway           // the run of this process
	wake     chan store.Trigger // asks the daemon for a run at once; has room for one

	unwritten seldom // how often it was said that the ledger can't be written
	unasked   seldom // and that the partner API did not say where a user stands
}

// newEngine checks that everything needed for sending is there and wires it.
func (a *app) newEngine(ctx context.Context, s ledger) (*engine, error) {
	c := a.config
	if err := c.CheckReady(); err != nil {
		return nil, err
	}
	if err := a.useKey(ctx, s); err != nil {
		return nil, err
	}
	e := &engine{
		config: c, log: a.log, now: a.now, store: s, sockets: a.sockets, wake: make(chan store.Trigger, 1),
		plan: c.Plan.Plan(), smtp: limiter(c.SMTP.Rate),
	}
	e.file, _ = s.(fileLedger)
	var err error
	if e.mails, err = loadTemplates(c); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if e.capa, err = newCapa(c, a.now); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if e.mailer, err = newMailer(c, a.now, func(reason string) { a.log.Warn(reason) }); err != nil {
		e.capa.Close()
		return nil, &exitError{exitUsage, err}
	}
	e.metrics = web.NewMetrics(e.snapshot)
	return e, nil
}

// close ends the kept connections.
func (e *engine) close() error {
	e.capa.Close()
	return e.mailer.Close()
}

func loadTemplates(c *Config) (*templates.Set, error) {
	brands := map[pipeline.Country]templates.Brand{}
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		brands[country] = templates.Brand(c.BrandFor(country))
	}
	return templates.Load(templates.Options{Dir: c.Templates.Dir, Brands: brands, Lasting: c.Public.lasting()})
}

func newCapa(c *Config, now pipeline.Clock) (*capa.Client, error) {
	return capa.New(capa.Config{
		BaseURL:     c.Capa.BaseURL,
		APIKey:      c.Capa.APIKey,
		RedirectURI: c.Capa.RedirectURI,
		RedirectURIs: map[pipeline.Country]string{
			pipeline.MX: c.Capa.RedirectURIFor(pipeline.MX),
			pipeline.DO: c.Capa.RedirectURIFor(pipeline.DO),
		},
		LinkHosts:   c.Capa.LinkHosts,
		Timeout:     c.Capa.Timeout,
		Rate:        c.Capa.Rate,
		Connections: c.Capa.Connections,
	}, now)
}

// newMailer wires the mailer; warn is told what works and should be mended.
func newMailer(c *Config, now pipeline.Clock, warn func(string)) (*mailer.Mailer, error) {
	m := mailer.Config{
		Host: c.SMTP.Host, Port: c.SMTP.Port,
		TLS: c.SMTP.TLS, AllowPlaintext: c.SMTP.AllowPlaintext,
		Username: c.SMTP.Username, Password: c.SMTP.Password, Auth: c.SMTP.Auth,
		From:        *cmp.Or(c.SMTP.FromAddress, &mail.Address{}),
		ReplyTo:     *cmp.Or(c.SMTP.ReplyToAddress, &mail.Address{}),
		Connections: c.SMTP.Connections, IdleTimeout: c.SMTP.IdleTimeout,
		Timeout: c.SMTP.Timeout, DotTimeout: c.SMTP.DotTimeout, LocalName: c.SMTP.HelloName(), Warn: warn,
	}
	if c.SMTP.DKIM.Domain != "" {
		key, err := mailer.ParseDKIMKey([]byte(c.SMTP.DKIM.Key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("smtp.dkim.key_file %s: %w", c.SMTP.DKIM.KeyFile, err)
		}
		m.DKIM = &mailer.DKIM{Domain: c.SMTP.DKIM.Domain, Selector: c.SMTP.DKIM.Selector, Key: key}
	}
	return mailer.New(m, now)
}

func limiter(perSecond float64) pipeline.Waiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return newTurnstile(perSecond)
}

// deliver is the chain of stages of one run.
func (e *engine) deliver(q sending) pipeline.Deliver {
	observed := func(name string, stage pipeline.Stage) pipeline.Stage {
		return pipeline.Observe(name, e.metrics, e.now, stage)
	}
	issue := observed("issue", e.issue())
	if e.config.Capa.CheckStatus != "off" {
		issue = pipeline.Chain(e.unanswered(observed("inquire", e.inquireBefore())), issue)
	}
	return pipeline.Record(q, e.plan, e.now, pipeline.Chain(
		issue,
		pipeline.Keep(q),
		// A mail is written while another one is on its connection, and no
		// sooner: links wait in line for next to no memory, and texts do not.
		pipeline.Gate(2*e.config.SMTP.Connections, pipeline.Chain(
			observed("render", pipeline.Render(e.mails, e.config.SMTP.Sender(), e.now, e.mailer.NewID)),
			pipeline.Limit(e.smtp, observed("send", pipeline.Send(q, e.mailer, e.now))),
		)),
	), e.logUnwritten)
}

// issue is the stage that gives a mail its link: one to the landing page, which
// asks nobody, or else one that is minted at the partner API.
func (e *engine) issue() pipeline.Stage {
	c := e.config
	if c.Public.lasting() {
		return pipeline.Lasting(c.Public.BaseURL, rand.Reader, e.now)
	}
	return pipeline.Issue(e.capa, pipeline.Budget(c.Plan.MaxLinks), e.now, c.Capa.LinkTTL, c.Capa.LeastLife())
}
