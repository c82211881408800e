// Package web is what alta shows over HTTP: health, readiness and metrics on
// the operator's listener.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Ready says whether alta can do its work now: nil, or the reason why not. It
// is asked for each request to /readyz.
type Ready func(context.Context) error

// Handler serves /healthz, /readyz and /metrics.
//
//   - /healthz answers 200 while the process lives.
//   - /readyz answers 200 while the ledger can be read and the latest write to it
//     did not fail, else 503. A pause of sending is no reason: the process works,
//     and alta_paused says so.
//   - /metrics is in Prometheus' text format.
func Handler(metrics *Metrics, ready Ready) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{
		// The counters are worth having while the ledger can't be read.
		ErrorHandling: promhttp.ContinueOnError,
	}))
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that went away is nobody's concern.
	_, _ = fmt.Fprintln(w, text)
}

// Server serves one handler on one address until it is closed.
type Server struct {
	server   http.Server
	listener net.Listener
	done     chan error
}

// grace bounds how long Close waits for requests under way.
const grace = 5 * time.Second

// Listen opens the address, "127.0.0.1:8080" for example, and begins to serve.
func Listen(ctx context.Context, address string, h http.Handler, log *slog.Logger) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return Serve(listener, h, log), nil
}

// Serve begins to serve on a listener that is open, which it closes in the end.
func Serve(listener net.Listener, h http.Handler, log *slog.Logger) *Server {
	s := &Server{
		listener: listener,
		done:     make(chan error, 1),
		server: http.Server{
			Handler:           h,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
	go func() { s.done <- s.server.Serve(listener) }()
	return s
}

// Addr is the address that is served, with the port that was chosen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// BeforeClose has f called when Close begins, so that answers without an end come to
// one. f must not wait for them.
func (s *Server) BeforeClose(f func()) { s.server.RegisterOnShutdown(f) }

// Close lets the requests under way finish, for five seconds at most, and ends the
// server.
func (s *Server) Close() error { return s.CloseWithin(grace) }

// CloseWithin is Close with another limit.
func (s *Server) CloseWithin(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
