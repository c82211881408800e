package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEdge(t *testing.T) {
	routes := Routes(Options{PerMinute: 1})
	h := Edge(routes, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, c := range []struct {
		sentence, method, path string
		status                 int
		says, allow            string
	}{
		{"a route goes on", "GET", "/api/v1/users", 418, "", ""},
		{"so does one with an id", "DELETE", "/api/v1/users/a", 418, "", ""},
		{"so does HEAD of what can be got", "HEAD", "/api/v1/status", 418, "", ""},
		{"so does what is no part of the API", "POST", "/login", 418, "", ""},
		{"an unknown path is a problem", "GET", "/api/v1/user", 404, "/problems/not-found", ""},
		{"so is another version", "GET", "/api/v2/users", 404, "/problems/not-found", ""},
		{"so is a method that does not go with the path", "PUT", "/api/v1/users", 405, "/problems/no-method", "GET, HEAD, POST"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			got := httptest.NewRecorder()
			h.ServeHTTP(got, httptest.NewRequest(c.method, c.path, nil))
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) || got.Header().Get("Allow") != c.allow {
				t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, got.Code, got.Body, got.Header().Get("Allow"))
			}
		})
	}
}

func TestBodies(t *testing.T) {
	a := &api{Options: Options{
		Who: func(context.Context) string { return "crm" }, PerMinute: 1000, Patience: time.Minute, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, limiter: newLimiter(1000)}
	h := a.serve(func(c call) (answer, error) {
		_, err := decode[enrolment](c.body)
		return ok(nil), err
	}, true)
	for _, c := range []struct {
		sentence, kind, encoding, body string
		status                         int
		says                           string
	}{
		{"JSON is read", "application/json", "", `{}`, 200, ""},
		{"JSON that says its charset is read", "application/json; charset=UTF-8", "", `{}`, 200, ""},
		{"one in another charset is not", "application/json; charset=latin1", "", `{}`, 415, "/problems/not-json"},
		{"a form is not", "application/x-www-form-urlencoded", "", `a=b`, 415, "/problems/not-json"},
		{"nor is what has no type", "", "", `{}`, 415, "/problems/not-json"},
		{"nor is what is compressed", "application/json", "gzip", `{}`, 415, "/problems/not-json"},
		{"a mebibyte is read", "application/json", "", `{}` + strings.Repeat(" ", LargestBody-2), 200, ""},
		{"a byte more is not", "application/json", "", `{}` + strings.Repeat(" ", LargestBody-1), 413, "/problems/too-large"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/api/v1/users", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		})
	}
}
