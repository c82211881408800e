package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// site is a small HTTP server for people: it serves pages until it is closed.
type site struct {
	listener net.Listener
	server   *http.Server

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // Serve and the requests under way
}

// openSite listens on the address, "" being a free port of 127.0.0.1, and serves.
func openSite(addr string, handler http.Handler) (*site, error) {
	listener, err := net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	s := &site{listener: listener}
	s.server = &http.Server{
		Handler: s.counted(guarded(handler)), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	// Serve only ever ends because of Close, which is no error.
	s.running.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// URL is the base URL, without a final slash.
func (s *site) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends every request and waits for them. It may be called twice. A browser
// keeps connections that it may never use, so none is waited for.
func (s *site) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.server.Close()
	s.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close a page of the sandbox: %w", err)
	}
	return nil
}

// counted lets Close wait for requests, and lets none in after it began.
func (s *site) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.running.Add(1)
		}
		s.mu.Unlock()
		if closed {
			panic(http.ErrAbortHandler)
		}
		defer s.running.Done()
		next.ServeHTTP(w, r)
	})
}

// guarded sets what stands on every answer, and refuses forms of other sites and
// names that some other site has made lead here.
func guarded(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), http.Header{
			"Content-Security-Policy": {"default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
			"Cache-Control":           {"no-store"},
			"Referrer-Policy":         {"no-referrer"},
			"X-Content-Type-Options":  {"nosniff"},
		})
		if !isHere(r.Host) {
			http.Error(w, "This page answers on this machine only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isHere tells whether a Host header names an address, or this machine.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(host) != nil
}
