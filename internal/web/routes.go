package web

import (
	"fmt"
	"net/http"
	"strings"
)

// Route is one thing that can be asked for.
type Route struct {
	Method  string
	Path    string // as [http.ServeMux] has it, without method and host
	Who     Access
	Own     bool // it changes nothing but the caller's own login, so that it is not for operators alone
	Follows bool // a page asks for it by itself, so that it keeps no login alive
	Handler http.Handler
}

// changes tells whether the route may change something.
func (r Route) changes() bool { return !safe(r.Method) }

func (r Route) check() error {
	switch {
	case r.Method == "" || r.Handler == nil || !strings.HasPrefix(r.Path, "/"):
		return fmt.Errorf("the route %q %q lacks something", r.Method, r.Path)
	case r.changes() && r.Who != Operators && !r.Own:
		return fmt.Errorf("the route %s %s changes something, and is not for operators alone", r.Method, r.Path)
	}
	return nil
}

// Serve makes one handler of a table of routes, behind the guard. It is the only way
// to it, so that no route can be without: each says who may use it, and one that
// changes something is for operators.
func (g *Guard) Serve(routes []Route) (http.Handler, error) {
	mux := http.NewServeMux()
	known := map[string]bool{}
	for _, route := range routes {
		if err := route.check(); err != nil {
			return nil, err
		}
		pattern := route.Method + " " + route.Path
		if known[pattern] {
			return nil, fmt.Errorf("the route %s is there twice", pattern)
		}
		known[pattern] = true
		mux.Handle(pattern, g.watch(route))
	}
	return g.withHeaders(g.orSayWhy(mux)), nil
}

// orSayWhy answers what no route is for: people are told by a page what to do.
func (g *Guard) orSayWhy(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		none := &statusOnly{header: w.Header(), status: http.StatusOK}
		mux.ServeHTTP(none, r)
		g.refuse(w, r, none.status, "Nothing is there for this method and path.")
	})
}

// statusOnly notes the status of an answer, and its header without what is said of
// the body; the body itself is dropped.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (s *statusOnly) Header() http.Header { return s.header }

// WriteHeader implements [http.ResponseWriter].
func (s *statusOnly) WriteHeader(status int) { s.status = status }

// Write implements [http.ResponseWriter].
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
