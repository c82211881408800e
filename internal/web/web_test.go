package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func ready(context.Context) error { return nil }

func idle(context.Context) (Snapshot, error) { return Snapshot{}, nil }

// serve runs the handler on a real listener.
func serve(t testing.TB, h http.Handler) *Server {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", nil, h, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask makes one request on a connection of its own.
func ask(t testing.TB, method, url string) (status int, header http.Header, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

func TestHandler(t *testing.T) {
	broken := func(context.Context) error { return errors.New("the ledger is gone") }
	unreadable := func(context.Context) (Snapshot, error) { return Snapshot{}, errors.New("the ledger is gone") }
	for _, test := range []struct {
		name         string
		ready        Ready
		snapshot     func(context.Context) (Snapshot, error)
		method, path string
		status       int
		contentType  string
		body         string // "" is any
	}{
		{"a living process is healthy", ready, idle, "GET", "/healthz", 200, "text/plain; charset=utf-8", "ok\n"},
		{"HEAD is enough for a probe", ready, idle, "HEAD", "/healthz", 200, "text/plain; charset=utf-8", ""},
		{"it is healthy even when it is not ready", broken, unreadable, "GET", "/healthz", 200, "text/plain; charset=utf-8", "ok\n"},
		{"a readable ledger is ready", ready, idle, "GET", "/readyz", 200, "text/plain; charset=utf-8", "ready\n"},
		{"one that can't be read is not, and says why", broken, idle, "GET", "/readyz", 503, "text/plain; charset=utf-8", "not ready: the ledger is gone\n"},
		{"the metrics are in Prometheus' text format", ready, idle, "GET", "/metrics", 200, "text/plain; version=0.0.4", ""},
		{"the counters are shown while the ledger can't be read", ready, unreadable, "GET", "/metrics", 200, "text/plain; version=0.0.4", ""},
		{"nothing else is there", ready, idle, "GET", "/", 404, "text/plain", ""},
		{"nothing below is there", ready, idle, "GET", "/healthz/more", 404, "text/plain", ""},
		{"nothing can be posted", ready, idle, "POST", "/healthz", 405, "text/plain", ""},
		{"nothing can be posted to the metrics", ready, idle, "POST", "/metrics", 405, "text/plain", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, Handler(NewMetrics(test.snapshot), test.ready))
			defer closeServer(t, s)
			status, header, body := ask(t, test.method, "http://"+s.Addr()+test.path)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if got := header.Get("Content-Type"); !strings.HasPrefix(got, test.contentType) {
				t.Errorf("Content-Type %q, want %q", got, test.contentType)
			}
			if test.body != "" && body != test.body {
				t.Errorf("body %q, want %q", body, test.body)
			}
		})
	}
}

func TestReadyIsAskedEachTime(t *testing.T) {
	asked := 0
	answers := []error{nil, errors.New("no"), nil}
	s := serve(t, Handler(NewMetrics(idle), func(ctx context.Context) error {
		if ctx.Err() != nil {
			t.Errorf("asked with a context that has ended: %v", ctx.Err())
		}
		asked++
		return answers[asked-1]
	}))
	defer closeServer(t, s)
	for i, want := range []int{200, 503, 200} {
		status, header, _ := ask(t, "GET", "http://"+s.Addr()+"/readyz")
		if status != want {
			t.Errorf("answer %d: %d, want %d", i+1, status, want)
		}
		if header.Get("Cache-Control") != "no-store" {
			t.Errorf("answer %d may be cached: %q", i+1, header.Get("Cache-Control"))
		}
	}
}

// Close waits for the request under way, which gets its answer, and takes no
// other.
func TestCloseWaitsForRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		plain(w, http.StatusOK, "late but here")
	}))
	answered := make(chan string, 1)
	go func() {
		defer close(answered)
		response, err := http.Get("http://" + s.Addr() + "/")
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		answered <- string(text)
	}()
	<-entered

	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	untilRefused(t, s.Addr())
	select {
	case err := <-closed:
		t.Fatalf("Close came back while a request was under way: %v", err)
	default:
	}
	close(release)
	if got := <-answered; got != "late but here\n" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// untilRefused returns once the address takes no connection any more.
func untilRefused(t testing.TB, address string) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		select {
		case <-ticks.C:
		case <-deadline.C:
			t.Fatal("the listener stays open")
		}
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	taken := serve(t, http.NotFoundHandler())
	defer closeServer(t, taken)
	for name, address := range map[string]string{
		"an address that is taken": taken.Addr(),
		"an address that is none":  "127.0.0.1:http:",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(t.Context(), address, nil, http.NotFoundHandler(), quiet())
			if err == nil {
				closeServer(t, s)
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "listen on "+address) {
				t.Errorf("the error does not name the address: %v", err)
			}
		})
	}
}

// What goes wrong inside a handler is logged, and costs only that request.
func TestPanicCostsOneRequest(t *testing.T) {
	var log bytes.Buffer
	s, err := Listen(t.Context(), "127.0.0.1:0", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			panic("a bug")
		}
		plain(w, http.StatusOK, "ok")
	}), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr()+"/bad", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Errorf("a panic was answered with %d", response.StatusCode)
	}
	if status, _, _ := ask(t, "GET", "http://"+s.Addr()+"/good"); status != 200 {
		t.Errorf("status %d after a panic elsewhere", status)
	}
	closeServer(t, s)
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "a bug") {
		t.Errorf("the log says %q", log.String())
	}
}

func closeServer(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
