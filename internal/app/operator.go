package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"alta/internal/web"
	"alta/internal/web/api"
)

// serveOperator serves health checks, metrics and the API, if they are asked for, until
// close. runs begins runs when the API asks for one.
func (e *engine) serveOperator(ctx context.Context, runs runner) (close func() error, err error) {
	if e.config.Operator.Listen == "" {
		return func() error { return nil }, nil
	}
	handler, err := e.operator(runs)
	if err != nil {
		return nil, err
	}
	server, err := web.Listen(ctx, e.config.Operator.Listen, handler, e.log)
	if err != nil {
		return nil, listenError(err, "operator.listen")
	}
	e.log.Info("health and metrics are served", "address", server.Addr())
	return func() error { return server.CloseWithin(e.mintLimit() + closeWithin) }, nil
}

// operator makes the handler. Health and metrics are for anybody who reaches the
// listener; for everything else the guard asks who comes.
func (e *engine) operator(runs runner) (http.Handler, error) {
	guard, err := web.NewGuard(web.GuardOptions{
		Doors: newDoors(e.store, e.config.Operator.Token), Now: e.now, Random: rand.Reader, Log: e.log,
	})
	if err != nil {
		return nil, err
	}
	calls := e.api(runs)
	routes := guard.LoginRoutes()
	for _, c := range calls {
		who := web.Viewers
		if c.Operators {
			who = web.Operators
		}
		routes = append(routes, web.Route{Method: c.Method, Path: c.Path, Who: who, Handler: c.Handler})
	}
	guarded, err := guard.Serve(routes)
	if err != nil {
		return nil, fmt.Errorf("serve the operator's routes: %w", err)
	}
	health := web.Handler(e.metrics, e.ready)
	mux := http.NewServeMux()
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	mux.Handle("/metrics", health)
	mux.Handle("/", api.Edge(calls, guarded))
	return mux, nil
}

// errLostCaller is a bug: a request came in that the guard had not seen.
var errLostCaller = errors.New("a request reached the API past the guard")

// api makes the routes of the API.
func (e *engine) api(runs runner) []api.Route {
	d := desk{e}
	return api.Routes(api.Options{
		People: d, Mails: d, Opener: d, Works: works{desk: d, runs: runs}, Keys: d,
		Who: func(ctx context.Context) string {
			who, ok := web.WhoAsks(ctx)
			if !ok {
				panic(errLostCaller)
			}
			return who.Name
		},
		PerMinute: e.config.Operator.APIRate, Patience: e.mintLimit() + leaseMargin,
		Now: e.now, Log: e.log,
	})
}
