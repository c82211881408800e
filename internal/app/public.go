package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"

	"alta/internal/intake"
	"alta/internal/web"
	"alta/pipeline"
)

// closeWithin is how long the pages wait, besides what the partner API may take, for
// clicks under way.
const closeWithin = 10 * time.Second

// servePublic serves the pages that mails lead to and the partner's webhook, if they
// are asked for, until close. What was begun for a user is brought to its end.
func (e *engine) servePublic(ctx context.Context) (close func() error, err error) {
	if e.config.Public.Listen == "" {
		return func() error { return nil }, nil
	}
	handler, end, err := e.public(ctx)
	if err != nil {
		return nil, err
	}
	server, err := e.listen(ctx, "public.listen", e.config.Public.Listen, nil, handler)
	if err != nil {
		return nil, errors.Join(err, end())
	}
	e.log.Info("the pages for users are served", "address", server.Addr(), "base_url", e.config.Public.BaseURL)
	return func() error { return errors.Join(server.CloseWithin(e.mintLimit()+closeWithin), end()) }, nil
}

// public makes the handler. end comes after its last request.
func (e *engine) public(ctx context.Context) (_ http.Handler, end func() error, err error) {
	var hook http.Handler
	if secrets := e.config.Webhook.Secrets(); len(secrets) > 0 {
		hook = intake.Webhook(intake.Options{Secrets: secrets, Ledger: news{e}, Observer: e.metrics, Log: e.log, Now: e.now})
	}
	if !e.config.Public.lasting() {
		mux := http.NewServeMux()
		if hook != nil {
			mux.Handle("POST "+intake.Path, hook)
		}
		return mux, func() error { return nil }, nil
	}
	brands := map[pipeline.Country]web.Brand{}
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		brands[country] = web.Brand(e.config.BrandFor(country))
	}
	tickets, opener := tickets{e.store, e.plan.MaxMails}, e.opener()
	visits := web.NewVisits(visitors{e}, e.log)
	handler, err := web.Public(web.PublicOptions{
		BaseURL: e.config.Public.BaseURL, Brands: brands, Speech: e.mails,
		Tickets: tickets, Opener: opener, OptOuts: tickets, Askers: tickets, Visits: visits,
		Hook: hook, Now: e.now, Log: e.log,
	})
	if err != nil {
		return nil, nil, errors.Join(&exitError{exitUsage, err}, visits.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	var worker sync.WaitGroup
	worker.Go(func() { e.answerAskers(ctx, opener) })
	return handler, func() error {
		stop()
		worker.Wait()
		return visits.Close()
	}, nil
}

// listen serves at the address of the setting, on the socket that was opened for it
// or on one of its own; https unless c is nil.
func (e *engine) listen(ctx context.Context, setting, address string, c *tls.Config, h http.Handler) (*web.Server, error) {
	if socket, ok := e.sockets[setting]; ok {
		return web.Serve(socket, c, h, e.log), nil
	}
	server, err := web.Listen(ctx, address, c, h, e.log)
	if err != nil {
		return nil, listenError(err, setting)
	}
	return server, nil
}

// listenError says which setting names an address that can't be listened on.
func listenError(err error, setting string) error {
	status := exitUsage
	if errors.Is(err, syscall.EADDRINUSE) {
		status = exitOutage // it may be free in a moment: worth a restart
	}
	return &exitError{status, fmt.Errorf("%w; see %s", err, setting)}
}
