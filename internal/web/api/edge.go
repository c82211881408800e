package api

import (
	"net/http"
	"strings"
)

// Edge answers what the routes do not know: another path of the API, another method.
// Everything else goes to next, which has the routes.
func Edge(routes []Route, next http.Handler) http.Handler {
	known := http.NewServeMux()
	for _, route := range routes {
		known.Handle(route.Method+" "+route.Path, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		unknown, pattern := known.Handler(r)
		if pattern != "" {
			next.ServeHTTP(w, r)
			return
		}
		// What the multiplexer would say, of which the text is for people.
		heard := &deaf{header: http.Header{}}
		unknown.ServeHTTP(heard, r)
		if heard.status == http.StatusMethodNotAllowed {
			allowed := heard.header.Get("Allow")
			w.Header().Set("Allow", allowed)
			Refuse(NoMethod, "%s does not go with this path, but %s.", r.Method, allowed).Write(w)
			return
		}
		Refuse(NotFound, "There is no such path; %s/openapi.yaml has all of them.", Prefix).Write(w)
	})
}

// deaf keeps the status and the header of an answer, and drops the rest.
type deaf struct {
	header http.Header
	status int
}

func (d *deaf) Header() http.Header { return d.header }

func (d *deaf) Write(p []byte) (int, error) { return len(p), nil }

func (d *deaf) WriteHeader(status int) { d.status = status }
