package capa_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"alta/internal/capa"
)

// TestCallsAtOneTime issues for many users at once, and counts at the server
// what it sees at one time.
func TestCallsAtOneTime(t *testing.T) {
	for _, c := range []struct {
		sentence    string
		connections int
		users       int
	}{
		{"One after the other.", 1, 20},
		{"A few, in turn.", 4, 60},
		{"More than anybody asks for.", 64, 10},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			var now, most, opened atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for n := now.Add(1); ; {
					if was := most.Load(); n <= was || most.CompareAndSwap(was, n) {
						break
					}
				}
				defer now.Add(-1)
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"kycLink":"https://kyc.sandbox.example/s"}`)
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			client := newClient(t, server.URL, func(cfg *capa.Config) { cfg.Connections = c.connections }, fixedClock)
			var users sync.WaitGroup
			for n := range c.users {
				users.Go(func() {
					if _, err := client.Issue(t.Context(), user(fmt.Sprint("u", n))); err != nil {
						t.Error(err)
					}
				})
			}
			users.Wait()
			if most.Load() > int64(c.connections) || opened.Load() > int64(c.connections) {
				t.Errorf("%d calls at one time on %d connections, want at most %d", most.Load(), opened.Load(), c.connections)
			}
		})
	}
}
