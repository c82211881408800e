package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"

	"alta/internal/web"
)

// serveOperator serves the operator's page, health checks and metrics, if they are
// asked for, until close.
func (e *engine) serveOperator(ctx context.Context) (close func() error, err error) {
	c := e.config.Operator
	if c.Listen == "" {
		return func() error { return nil }, nil
	}
	certificate, err := loadCertificate(c, e.log, e.now)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	page, err := e.operatorPage(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the operator's page: %w", err)
	}
	var server *web.Server
	if certificate != nil {
		server, err = web.ListenTLS(ctx, c.Listen, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.Get}, page.handler, e.log)
	} else {
		server, err = web.Listen(ctx, c.Listen, page.handler, e.log)
	}
	if err != nil {
		return nil, errors.Join(listenError(err, "operator.listen"), page.close())
	}
	server.BeforeClose(page.streams.Close)
	e.log.Info("the operator's page is served", "address", server.Addr(), "tls", certificate != nil)
	return func() error { return errors.Join(server.Close(), page.close()) }, nil
}

// operatorPage is all that answers on operator.listen.
type operatorPage struct {
	handler http.Handler
	routes  []web.Route // the table, of which a test walks every line
	streams *web.Streams
	close   func() error // after the last request
}

// operatorPage makes it. Every machine of a fleet has its own, on the one ledger.
func (e *engine) operatorPage(context.Context) (*operatorPage, error) {
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
	p := &operatorPage{close: func() error { return nil }}
	health := web.Handler(e.metrics, e.ready)
	for _, path := range web.HealthPaths() {
		p.routes = append(p.routes, web.Route{Method: http.MethodGet, Path: path, Who: web.Anybody, Handler: health})
	}
	p.routes = append(p.routes, guard.LoginRoutes()...)
	desk := e.desk(pages)
	p.streams = desk.Streams
	p.routes = append(p.routes, desk.Routes()...)
	p.handler, err = guard.Serve(p.routes)
	return p, err
}
