package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"alta/internal/web/api"
)

// caller is a partner's program, which holds every request and every answer against the
// contract.
type caller struct {
	t        testing.TB
	base     string
	token    string
	contract routers.Router
}

// said is an answer of the API.
type said struct {
	status int
	header http.Header
	body   []byte
}

// caller makes a token of that role and a program that has it.
func (w *world) caller(s *servant, name, role string) *caller {
	w.t.Helper()
	token := strings.TrimSpace(w.exec(0, "token", "add", name, "--role", role))
	s.says("health and metrics are served")
	doc, err := openapi3.NewLoader().LoadFromData(api.Contract())
	check(w.t, err)
	base := "http://" + served.FindStringSubmatch(s.log.String())[1]
	doc.Servers = openapi3.Servers{{URL: base + api.Prefix}} // the router takes no relative one
	router, err := legacy.NewRouter(doc)
	check(w.t, err)
	return &caller{w.t, base, token, router}
}

// do makes a request as the contract has it. header holds names and values.
func (c *caller) do(method, path, body string, header ...string) said {
	c.t.Helper()
	r, text := c.request(method, path, body, header...)
	route, params, err := c.contract.FindRoute(r)
	if err != nil {
		c.t.Fatalf("%s %s is not in the contract: %v", method, path, err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(c.t.Context(), in); err != nil {
		c.t.Errorf("%s %s %s breaks the contract: %v", method, path, text, err)
	}
	return c.answer(r, in)
}

// bad makes a request that breaks the contract. Its answer must not.
func (c *caller) bad(method, path, body string, header ...string) said {
	c.t.Helper()
	r, _ := c.request(method, path, body, header...)
	in := &openapi3filter.RequestValidationInput{Request: r, Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if route, params, err := c.contract.FindRoute(r); err == nil {
		in.Route, in.PathParams = route, params
	}
	return c.answer(r, in)
}

func (c *caller) request(method, path, body string, header ...string) (*http.Request, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	c.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, c.base+api.Prefix+path, strings.NewReader(body))
	check(c.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r, body
}

func (c *caller) answer(r *http.Request, in *openapi3filter.RequestValidationInput) said {
	c.t.Helper()
	if r.GetBody != nil {
		body, err := r.GetBody()
		check(c.t, err)
		r.Body = body
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	check(c.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(c.t, err)
	got := said{response.StatusCode, response.Header, body}
	if got.status >= 400 && got.header.Get("Content-Type") != "application/problem+json" {
		c.t.Errorf("%s %s: %d is no problem: %s", r.Method, r.URL, got.status, body)
	}
	if in.Route == nil {
		return got
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: got.status, Header: got.header, Options: in.Options}
	if err := openapi3filter.ValidateResponse(c.t.Context(), out.SetBodyBytes(body)); err != nil {
		c.t.Errorf("the answer to %s %s breaks the contract: %v\n%d %s", r.Method, r.URL, err, got.status, body)
	}
	return got
}

// read wants that status and reads the body.
func (s said) read(t testing.TB, status int, into any) {
	t.Helper()
	if s.status != status {
		t.Fatalf("the answer is %d %s, want %d", s.status, s.body, status)
	}
	if into != nil {
		check(t, json.Unmarshal(s.body, into))
	}
}

// refused wants that kind of problem, which says what to do.
func (s said) refused(t testing.TB, k api.Kind, says string) {
	t.Helper()
	var p struct {
		Type   string `json:"type"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}
	s.read(t, k.Status(), &p)
	if p.Type != k.Type() || p.Status != s.status || !strings.Contains(p.Detail, says) {
		t.Errorf("the problem is %s, want %s that says %q", s.body, k.Type(), says)
	}
}

func oneUser(p person) string {
	text := bytes.Buffer{}
	fields := map[string]string{"id": p.id, "email": p.email, "name": p.name, "country": string(p.country)}
	text.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			text.WriteByte(',')
		}
		value, _ := json.Marshal(fields[name]) // text always has a JSON
		text.WriteString(`"` + name + `":` + string(value))
	}
	text.WriteByte('}')
	return text.String()
}
