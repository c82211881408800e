package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"

	"alta/internal/web"
	"alta/internal/web/api"
	"alta/store"
)

// page makes the handler of the operator's listener: the pages and the API behind
// their guard, and health and metrics, which are for programs without a token. end lets the
// streams of the pages come to their end.
func (e *engine) page() (_ http.Handler, end func(), err error) {
	pages, err := web.NewPages(web.PagesOptions{
		Zone: e.config.Schedule.Location, Version: version(), Who: web.GuardedBy, Now: e.now, Log: e.log,
	})
	if err != nil {
		return nil, nil, err
	}
	guard, err := web.NewGuard(web.GuardOptions{
		Doors: newDoors(e.store, e.config.Operator.Token), Pages: pages, Now: e.now, Random: rand.Reader, Log: e.log,
	})
	if err != nil {
		return nil, nil, err
	}
	look := overlook{e}
	streams := web.NewStreams(pages, look, e.now)
	desk := web.Desk{
		Pages: pages, Streams: streams,
		Overview:  &web.OverviewPage{Pages: pages, From: look, Live: look, Runs: conductor{e}},
		Forecast:  &web.ForecastPage{Pages: pages, From: foresight{e}},
		Attention: &web.AttentionPage{Pages: pages, From: attendant{e}},
		Mails:     &web.MailsPage{Pages: pages, From: showcase{e}},
	}
	calls := e.api()
	guarded, err := guard.Serve(slices.Concat(guard.LoginRoutes(), desk.Routes(), guardedCalls(calls)))
	if err != nil {
		return nil, nil, err
	}
	mux, health := http.NewServeMux(), web.Handler(e.metrics, e.ready)
	for _, path := range []string{"/healthz", "/healthz/", "/readyz", "/metrics"} {
		mux.Handle(path, health)
	}
	mux.Handle("/", api.Edge(calls, guarded))
	return mux, streams.Close, nil
}

// servePage serves the operator's page, health checks and metrics, if they are asked
// for, until close.
func (e *engine) servePage(ctx context.Context) (close func() error, err error) {
	if e.config.Operator.Listen == "" {
		return func() error { return nil }, nil
	}
	handler, end, err := e.page()
	if err != nil {
		return nil, err
	}
	server, err := e.listen(ctx, "operator.listen", e.config.Operator.Listen, handler)
	if err != nil {
		return nil, err
	}
	server.BeforeClose(end)
	e.log.Info("the operator's page, health and metrics are served", "address", server.Addr())
	// A link that is being minted for a program is brought to its end.
	return func() error { return server.CloseWithin(e.mintLimit() + closeWithin) }, nil
}

// actOf is what an operator did on the page, for the audit log.
func actOf(by web.Act) store.Act { return store.Act{Actor: by.Actor, Reason: by.Reason} }
