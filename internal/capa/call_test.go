package capa_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/capa"
	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestNothingWasSentWithoutAConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	defer untrusted.Close()

	for sentence, url := range map[string]string{
		"Nobody listens.":                       "http://" + closed.Addr().String(),
		"The certificate is not trusted.":       untrusted.URL,
		"The server there does not speak TLS.":  "https" + strings.TrimPrefix(startAPI(t, sandbox.APIOptions{}).URL(), "http"),
		"The name does not exist (RFC 6761).":   "https://capa.invalid",
		"The name does not exist, with a path.": "https://capa.invalid/prefix/",
	} {
		t.Run(sentence, func(t *testing.T) {
			client := newClient(t, url, nil, fixedClock)
			for n := 1; n <= 5; n++ {
				fault := issueFault(t, client, user(fmt.Sprint("u", n)))
				want := pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unreachable", Free: true}
				if n == 5 {
					want = pipeline.Fault{Kind: pipeline.Outage, Code: "capa.unreachable"}
				}
				if fault.Err == nil {
					t.Error("the cause is missing")
				}
				got := *fault
				got.Reason, got.Err = "", nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("user %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

func TestATimeoutAfterTheRequestIsADoubtfulMint(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Action: sandbox.Hang}})
	client := newClient(t, api.URL(), func(cfg *capa.Config) { cfg.Timeout = 300 * time.Millisecond }, fixedClock)
	fault := issueFault(t, client, user("u1"))
	if fault.Kind != pipeline.Retry || fault.Code != "capa.timeout" || !fault.Doubtful || fault.Free {
		t.Errorf("got %+v", fault)
	}
}

func TestAShutdownEndsNoMint(t *testing.T) {
	t.Run("Before the call it gets its own error, no fault.", func(t *testing.T) {
		api := startAPI(t, sandbox.APIOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, api.URL(), nil, fixedClock).Issue(ctx, user("u1"))
		checkGaveUp(t, err)
		if api.Calls() != 0 {
			t.Error("a call was made")
		}
	})
	t.Run("A call that has begun brings its link.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"kycLink":"https://kyc.sandbox.example/s"}`)
		}))
		defer server.Close()
		link, err := newClient(t, server.URL, nil, fixedClock).Issue(ctx, user("u1"))
		if err != nil || link.Reveal() != "https://kyc.sandbox.example/s" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("A call that has begun is still bounded by the time-out.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		}))
		defer server.Close()
		client := newClient(t, server.URL, func(cfg *capa.Config) { cfg.Timeout = 300 * time.Millisecond }, fixedClock)
		_, err := client.Issue(ctx, user("u1"))
		if fault := checkFault(t, err); fault.Code != "capa.timeout" || !fault.Doubtful {
			t.Errorf("got %+v", fault)
		}
	})
}

// checkGaveUp expects the caller's own error, which is no fault.
func checkGaveUp(t *testing.T, err error) {
	t.Helper()
	if _, isFault := errors.AsType[*pipeline.Fault](err); isFault || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
}

func TestTheKeyNeverFollowsARedirect(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		var seen atomic.Int64
		thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
		api := startAPI(t, sandbox.APIOptions{})
		redirect := sandbox.APIAnswer{Status: status, Headers: map[string]string{"Location": thief.URL}}
		api.SetFaults(sandbox.APIFault{Answer: redirect}, sandbox.APIFault{Details: true, Answer: redirect})
		client := newClient(t, api.URL(), nil, fixedClock)
		if fault := issueFault(t, client, user("u1")); fault.Kind != pipeline.Outage || fault.Code != "capa.redirected" {
			t.Errorf("%d: %+v", status, fault)
		}
		if fault := checkFault(t, client.Check(t.Context())); fault.Code != "capa.redirected" {
			t.Errorf("%d: %+v", status, fault)
		}
		thief.Close()
		if seen.Load() != 0 {
			t.Errorf("%d was followed", status)
		}
	}
}

// Some servers answer with the request, or worse. net/http quotes what it
// can't read, so the client must not.
func TestGarbageOnTheWireIsNotQuoted(t *testing.T) {
	for _, garbage := range []string{
		"hostile " + canaryKey + "\r\n\r\n",
		"HTTP/1.1 2x1 hostile https://hostile.example/\r\n\r\n",
		"HTTP/1.1 201 Created\r\nhostile " + canaryKey + "\r\n\r\n",
		"HTTP/1.1 201 Created\r\nContent-Length: hostile\r\n\r\n",
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nhostile\r\n",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, garbage)
			_ = conn.Close()
		}()
		fault := issueFault(t, newClient(t, "http://"+listener.Addr().String(), nil, fixedClock), user("u1"))
		if fault.Kind != pipeline.Retry || !fault.Doubtful || fault.Code != "capa.cut" {
			t.Errorf("%q: %+v", garbage, fault)
		}
		<-served
		_ = listener.Close()
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "alta" {
			t.Errorf("User-Agent %q", got)
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"NOT_FOUND_ERROR"}`+strings.Repeat(" ", 20<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := newClient(t, server.URL, nil, fixedClock)
	for range 5 {
		issueFault(t, client, user("u1"))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 5 calls in a row", n)
	}
}

// Transport repeats a request on a kept connection that turns out to be dead,
// but never one that a server may have read.
func TestASentMintIsNeverRepeated(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	api.SetFaults(sandbox.APIFault{Call: 2, Answer: sandbox.APIAnswer{Action: sandbox.CutOff}})
	client := newClient(t, api.URL(), nil, fixedClock)
	if _, err := client.Issue(t.Context(), user("u1")); err != nil {
		t.Fatal(err)
	}
	// The second call uses the connection of the first.
	if fault := issueFault(t, client, user("u2")); fault.Code != "capa.cut" || !fault.Doubtful {
		t.Errorf("got %+v", fault)
	}
	if n := api.Calls(); n != 2 {
		t.Errorf("%d calls reached the API, want 2", n)
	}
}
