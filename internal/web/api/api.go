package api

import (
	"context"
	_ "embed" // of the contract
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"alta/pipeline"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

//go:embed openapi.yaml
var contract []byte

// Contract is the OpenAPI document of the API, as YAML.
func Contract() []byte { return contract }

// Options are what the API needs.
type Options struct {
	People    People
	Mails     Mails
	Opener    Opener
	Works     Works
	Keys      Keys
	Who       func(context.Context) (token string) // who was let in with a request
	PerMinute int                                  // requests of one token
	Patience  time.Duration                        // the longest that an act takes
	Now       pipeline.Clock
	Log       *slog.Logger
}

// Route is one thing that can be asked for. Whoever serves it lets nobody in without
// a token, and to those for operators nobody without an operator's.
type Route struct {
	Method    string
	Path      string // as [http.ServeMux] has it
	Operators bool
	Handler   http.Handler
}

// api answers requests.
type api struct {
	Options
	limiter *limiter
}

// Routes returns everything that can be asked for.
func Routes(o Options) []Route {
	a := &api{Options: o, limiter: newLimiter(o.PerMinute)}
	look := func(path string, do operation) Route {
		return Route{Method: http.MethodGet, Path: Prefix + path, Handler: a.serve(do, false)}
	}
	act := func(method, path string, do operation) Route {
		return Route{Method: method, Path: Prefix + path, Operators: true, Handler: a.serve(a.once(do), true)}
	}
	return []Route{
		look("/openapi.yaml", a.contract),
		look("/users", a.users),
		act(http.MethodPost, "/users", a.enrol),
		look("/users/{id}", a.user),
		act(http.MethodDelete, "/users/{id}", a.erase),
		act(http.MethodPost, "/users/{id}/mark", a.mark),
		act(http.MethodPost, "/users/{id}/links", a.link),
		act(http.MethodPost, "/users/{id}/resends", a.resendOne),
		act(http.MethodPost, "/resends", a.resendMany),
		look("/runs", a.runs),
		act(http.MethodPost, "/runs", a.run),
		look("/status", a.status),
		look("/forecast", a.forecast),
		look("/events", a.events),
	}
}

// call is one request, read.
type call struct {
	ctx   context.Context
	r     *http.Request
	token string // whose
	body  []byte
}

// operation is what a request asks for.
type operation func(call) (answer, error)

// serve makes an operation of an HTTP handler. acts tells that it changes something:
// then it is brought to its end even when the client goes away.
func (a *api) serve(do operation, acts bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.mend(w, r)
		c := call{ctx: r.Context(), r: r, token: a.Who(r.Context())}
		if wait := a.limiter.allow(w.Header(), c.token, a.Now()); wait > 0 {
			p := Refuse(TooMany, "The token %s has made more than %d requests within a minute. Wait %s seconds, and see the RateLimit headers.",
				c.token, a.PerMinute, seconds(wait))
			p.After = wait
			p.Write(w)
			return
		}
		if acts {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.Patience)
			defer cancel()
			c.ctx = ctx
			// The server's own limit is for pages. It fails where there is none.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		}
		body, err := readBody(w, r)
		if err != nil {
			a.problem(err, r).Write(w)
			return
		}
		c.body = body
		answer, err := do(c)
		if err != nil {
			answer = a.problem(err, r).answer()
		}
		if err := answer.write(w); err != nil {
			a.problem(err, r).Write(w)
		}
	})
}

// problem is what the client hears of an error: what was no refusal is alta's own
// trouble, which the log has.
func (a *api) problem(err error, r *http.Request) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	a.Log.Error("A request to the API failed.", "method", r.Method, "route", r.Pattern, "error", err)
	return Refuse(Broken, "alta could not do this; its log says why. Try again in a minute: every request may be repeated, best with its Idempotency-Key.")
}

// mend answers for a handler that met a bug. It names the type only, since a value
// may quote a secret.
func (a *api) mend(w http.ResponseWriter, r *http.Request) {
	bug := recover()
	if bug == nil {
		return
	}
	a.Log.Error("A request to the API met a bug; please report it with the log.",
		"method", r.Method, "route", r.Pattern, "type", fmt.Sprintf("%T", bug), "stack", string(debug.Stack()))
	Refuse(Broken, "alta met a bug; its log says which. Please report it.").Write(w)
}

func (a *api) contract(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	return answer{status: http.StatusOK, kind: "application/yaml", raw: contract}, nil
}
