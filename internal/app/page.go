package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"

	"alta/internal/web"
	"alta/internal/web/api"
	"alta/store"
)

// servePage serves the operator's page, health checks and metrics, if they are asked
// for, until close.
func (e *engine) servePage(ctx context.Context) (close func() error, err error) {
	c := e.config.Operator
	if c.Listen == "" {
		return func() error { return nil }, nil
	}
	certificate, err := loadCertificate(c, e.log, e.now)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	page, err := e.page()
	if err != nil {
		return nil, fmt.Errorf("make the operator's page: %w", err)
	}
	server, err := e.listen(ctx, "operator.listen", c.Listen, certificate.config(), page.handler)
	if err != nil {
		return nil, err
	}
	server.BeforeClose(page.end)
	e.log.Info("the operator's page, health and metrics are served", "address", server.Addr(), "tls", certificate != nil)
	// A link that is being minted for a program is brought to its end.
	return func() error { return server.CloseWithin(e.mintLimit() + closeWithin) }, nil
}

// operatorPage is all that answers on operator.listen.
type operatorPage struct {
	handler http.Handler
	routes  []web.Route // the table, of which a test walks every line
	end     func()      // lets the streams of the pages come to their end
}

// page makes the operator's page. Health and metrics are for programs without a
// token. Every machine of a fleet has its own page, on the one ledger.
func (e *engine) page() (*operatorPage, error) {
	c := e.config.Operator
	pages, err := web.NewPages(web.PagesOptions{
		Zone: e.config.Schedule.Location, Version: version(), Secure: c.encrypted(), Who: web.GuardedBy, Now: e.now, Log: e.log,
	})
	if err != nil {
		return nil, err
	}
	guard, err := web.NewGuard(web.GuardOptions{
		Doors: newDoors(e.store, c.Token), Pages: pages, Now: e.now, Random: rand.Reader,
		TLS: c.TLSCertFile != "", BehindProxy: c.BehindProxy, Log: e.log,
	})
	if err != nil {
		return nil, err
	}
	desk, calls := e.desk(pages), e.api()
	p := &operatorPage{end: desk.Streams.Close, routes: slices.Concat(guard.LoginRoutes(), desk.Routes(), guardedCalls(calls))}
	health := web.Handler(e.metrics, e.ready)
	for _, path := range web.HealthPaths() {
		p.routes = append(p.routes, web.Route{Method: http.MethodGet, Path: path, Who: web.Anybody, Handler: health})
	}
	guarded, err := guard.Serve(p.routes)
	if err != nil {
		return nil, err
	}
	p.handler = api.Edge(calls, guarded)
	return p, nil
}

// desk is the pages, with all that they read and do.
func (e *engine) desk(pages *web.Pages) web.Desk {
	look, people := overlook{e}, clerk{e}
	machine := time.Now // the database's clock may be ahead of it, and the kernel's deadlines go by it
	return web.Desk{
		Pages: pages, Streams: web.NewStreams(pages, look, machine),
		Overview:  &web.OverviewPage{Pages: pages, From: look, Live: look, Runs: conductor{e}},
		Users:     &web.UsersPage{Pages: pages, From: people},
		User:      &web.UserPage{Pages: pages, From: people},
		Forecast:  &web.ForecastPage{Pages: pages, From: foresight{e}},
		Attention: &web.AttentionPage{Pages: pages, From: attendant{e}},
		Mails:     &web.MailsPage{Pages: pages, From: showcase{e}},
		Audit:     web.NewAuditPage(pages, archivist{e}, machine),
	}
}

// actOf is what an operator did on the page, for the audit log.
func actOf(by web.Act) store.Act { return store.Act{Actor: by.Actor, Reason: by.Reason} }
