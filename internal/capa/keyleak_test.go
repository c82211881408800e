package capa_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// Wherever an answer points, the key is sent once, to where it was configured.
func TestNoAnswerSendsTheKeyElsewhere(t *testing.T) {
	var seen atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer elsewhere.Close()
	host := strings.TrimPrefix(elsewhere.URL, "http://")
	for _, test := range []struct {
		sentence string
		status   int
		headers  map[string]string
		code     string
	}{
		{"Another server, asked in the same way.", 307, map[string]string{"Location": elsewhere.URL}, "capa.redirected"},
		{"Another server by its name alone.", 308, map[string]string{"Location": "//" + host}, "capa.redirected"},
		{"Another name for the same machine.", 307, map[string]string{"Location": strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)}, "capa.redirected"},
		{"Another path of the same server.", 307, map[string]string{"Location": "/elsewhere"}, "capa.redirected"},
		{"A success that names a place.", 201, map[string]string{"Location": elsewhere.URL, "Content-Location": elsewhere.URL, "Refresh": "0;url=" + elsewhere.URL}, "capa.no_link"},
		{"A failure that names a place.", 503, map[string]string{"Location": elsewhere.URL, "Alt-Svc": `http/1.1="` + host + `"`}, "capa.server_error"},
		{"A proxy that wants a login.", 407, map[string]string{"Location": elsewhere.URL, "Proxy-Authenticate": "Basic"}, "capa.refused"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: test.status, Body: "{}", Headers: test.headers}})
			if fault := issueFault(t, newClient(t, api.URL(), nil, fixedClock), user("u1")); fault.Code != test.code {
				t.Errorf("code %s, want %s", fault.Code, test.code)
			}
			if api.Calls() != 1 || seen.Load() != 0 {
				t.Errorf("%d calls, %d elsewhere", api.Calls(), seen.Load())
			}
		})
	}
}

// A server whose certificate nobody vouches for never sees the request.
func TestTheKeyWantsACertificate(t *testing.T) {
	var seen atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	client := newClient(t, server.URL, nil, fixedClock)
	if fault := issueFault(t, client, user("u1")); fault.Kind != pipeline.Retry || fault.Code != "capa.unreachable" || !fault.Free || fault.Doubtful {
		t.Errorf("%+v", fault)
	}
	if fault := checkFault(t, client.Check(t.Context())); fault.Kind != pipeline.Outage || fault.Code != "capa.unreachable" {
		t.Errorf("%+v", fault)
	}
	if seen.Load() != 0 {
		t.Error("the request was sent")
	}
}
