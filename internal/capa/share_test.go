package capa_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"sync"
	"testing"

	"alta/internal/capa"
	"alta/internal/sandbox"
)

// turnstile stands before the simulated partner API. It counts the calls that are
// there at one time, and the open connections, and it can be shut.
type turnstile struct {
	url     string
	mu      sync.Mutex
	changed *sync.Cond
	shut    bool
	now     int
	most    int // of now, since it was opened last
	came    int // all in all
	conns   int // that are open
	opened  int // all in all
}

func startTurnstile(t *testing.T, api *sandbox.API) *turnstile {
	t.Helper()
	target, err := url.Parse(api.URL())
	if err != nil {
		t.Fatal(err)
	}
	carrier := &http.Transport{}
	t.Cleanup(carrier.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: carrier}
	s := new(turnstile)
	s.changed = sync.NewCond(&s.mu)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.enter()
		defer s.leave()
		proxy.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.conns++
			s.opened++
		case http.StateClosed:
			s.conns--
		}
		s.changed.Broadcast()
	}
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *turnstile) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	s.came++
	s.most = max(s.most, s.now)
	s.changed.Broadcast()
	for s.shut {
		s.changed.Wait()
	}
}

func (s *turnstile) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	s.changed.Broadcast()
}

// until waits for what happens at the turnstile.
func (s *turnstile) until(condition func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !condition() {
		s.changed.Wait()
	}
}

// shutWith shuts it and waits until so many calls are there.
func (s *turnstile) shutWith(calls int) {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.until(func() bool { return s.now == calls })
}

func (s *turnstile) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut, s.most = false, 0
	s.changed.Broadcast()
}

// issueAll issues for n users through some workers, and tells of every failure.
func issueAll(t *testing.T, client *capa.Client, workers, n int) {
	users := make(chan string)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for id := range users {
				if _, err := client.Issue(t.Context(), user(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		users <- fmt.Sprint("u", i)
	}
	close(users)
	working.Wait()
}

// eachOnce checks that every user got one link.
func eachOnce(t *testing.T, api *sandbox.API, n int) {
	t.Helper()
	times := map[string]int{}
	for _, mint := range api.Mints() {
		times[mint.User]++
	}
	for i := range n {
		if id := fmt.Sprint("u", i); times[id] != 1 {
			t.Errorf("%s has %d links", id, times[id])
		}
	}
}

// 20 workers issue for 200 users. In mid-run a call is under way on each of the
// eight connections.
func TestTheShareChangesInMidRun(t *testing.T) {
	for _, c := range []struct {
		sentence string
		shares   []int // one after the other, from eight
	}{
		{"Fewer.", []int{3}},
		{"One.", []int{1}},
		{"None, and some again.", []int{0, 5}},
		{"None for a moment.", []int{0, 8}},
		{"More.", []int{12}},
		{"Fewer and fewer, and more.", []int{5, 2, 9}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			s := startTurnstile(t, api)
			client := newClient(t, s.url, func(cfg *capa.Config) { cfg.Connections = 8 }, fixedClock)
			var issuing sync.WaitGroup
			issuing.Go(func() { issueAll(t, client, 20, 200) })
			s.until(func() bool { return s.came >= 60 })
			was := 8
			for _, share := range c.shares {
				s.shutWith(was)
				client.SetShare(share, 0)
				if share > was {
					s.until(func() bool { return s.now == share }) // those who wait need nobody to end
				}
				s.open()
				if share > 0 {
					came := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.came }()
					s.until(func() bool { return s.came >= came+20 })
				} else {
					s.until(func() bool { return s.now == 0 && s.conns == 0 })
				}
				// The connections of the calls before are closed when those end.
				s.until(func() bool { return s.conns <= share })
				s.mu.Lock()
				if s.most > share {
					t.Errorf("%d calls at one time, want at most %d", s.most, share)
				}
				s.mu.Unlock()
				was = share
			}
			s.mu.Lock()
			opened := s.opened
			s.mu.Unlock()
			client.SetShare(was, 0) // it is the same
			issuing.Wait()
			eachOnce(t, api, 200)
			if s.most > was || s.opened-opened > was {
				t.Errorf("%d calls at one time, %d connections more, want at most %d", s.most, s.opened-opened, was)
			}
		})
	}
}

func TestChangingTheShareWithoutEndLosesNothing(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	client := newClient(t, api.URL(), func(cfg *capa.Config) { cfg.Connections = 8 }, fixedClock)
	var changing sync.WaitGroup
	done := make(chan struct{})
	for _, shares := range [][]int{{0, 8, 3}, {1, 5, 0, 2, 12, -1}} {
		changing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
					client.SetShare(shares[n%len(shares)], float64(n%4)*10_000)
					runtime.Gosched()
				}
			}
		})
	}
	issueAll(t, client, 20, 200)
	close(done)
	changing.Wait()
	eachOnce(t, api, 200)
}

func TestNoCallBeginsAtZero(t *testing.T) {
	for _, c := range []struct {
		sentence string
		end      func(*capa.Client, context.CancelFunc)
		links    int
	}{
		{"The end of its context ends the wait.", func(_ *capa.Client, cancel context.CancelFunc) { cancel() }, 1},
		{"A share ends it, too.", func(c *capa.Client, _ context.CancelFunc) { c.SetShare(1, 0) }, 2},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			s := startTurnstile(t, api)
			client := newClient(t, s.url, nil, fixedClock)
			if _, err := client.Issue(t.Context(), user("u1")); err != nil {
				t.Fatal(err)
			}
			client.SetShare(0, 0)
			s.until(func() bool { return s.conns == 0 }) // the idle one is closed at once
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			issued := make(chan error, 1)
			go func() {
				_, err := client.Issue(ctx, user("u2"))
				issued <- err
			}()
			if err := client.Check(t.Context()); err != nil {
				t.Errorf("the check, which is no part of the share: %v", err)
			}
			if n := len(api.Mints()); n != 1 {
				t.Errorf("%d links, though no call may begin", n)
			}
			c.end(client, cancel)
			if err := <-issued; (err == nil) != (c.links == 2) || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if n := len(api.Mints()); n != c.links {
				t.Errorf("%d links, want %d", n, c.links)
			}
		})
	}
}

// The next turn would come in a quarter of an hour.
func TestAHigherRateWakesThoseWhoWaitForTheirTurn(t *testing.T) {
	for _, c := range []struct {
		sentence string
		rate     float64
	}{
		{"A higher one.", 1000},
		{"None.", 0},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			s := startTurnstile(t, api)
			client := newClient(t, s.url, func(cfg *capa.Config) { cfg.Rate = 0.001 }, fixedClock)
			var issuing sync.WaitGroup
			issuing.Go(func() { issueAll(t, client, 8, 8) })
			s.until(func() bool { return s.came == 1 })
			client.SetShare(4, c.rate)
			issuing.Wait()
			eachOnce(t, api, 8)
		})
	}
}
