package capa

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
)

func TestLine(t *testing.T) {
	enter := func(t *testing.T, l *line) turn {
		t.Helper()
		got, err := l.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("Calls begin in the order in which they came.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			first := enter(t, l)
			var served []int
			var waiters sync.WaitGroup
			for n := range 5 {
				waiters.Go(func() {
					mine := enter(t, l)
					served = append(served, n)
					l.leave(mine, bearable)
				})
				synctest.Wait() // in line
			}
			if len(served) != 0 {
				t.Errorf("%v were served while the only turn was taken", served)
			}
			l.leave(first, bearable)
			waiters.Wait()
			if !slices.Equal(served, []int{0, 1, 2, 3, 4}) || l.underWay != 0 {
				t.Errorf("served %v, %d under way", served, l.underWay)
			}
		})
	})
	t.Run("No more are under way than the limit allows, which follows what they meet.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(64)
			ends := make(chan load)
			var waiters sync.WaitGroup
			for range 64 {
				waiters.Go(func() {
					mine := enter(t, l)
					l.leave(mine, <-ends)
				})
			}
			synctest.Wait()
			want := func(n int) {
				t.Helper()
				if synctest.Wait(); l.underWay != n {
					t.Errorf("%d under way, want %d", l.underWay, n)
				}
			}
			want(16)
			for range 8 {
				ends <- bearable
			}
			want(24)
			for range 24 { // those that were under way together
				ends <- overload
			}
			want(12)
			for range 12 {
				ends <- unknown
			}
			want(12)
			for range 12 {
				ends <- unknown
			}
			want(64 - 8 - 24 - 24)
			for range 8 {
				ends <- unknown
			}
			waiters.Wait()
			want(0)
		})
	})
	t.Run("The end of its context ends a wait at once, and the place is gone.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			first := enter(t, l)
			ctx, cancel := context.WithCancel(t.Context())
			var waiters sync.WaitGroup
			for range 3 {
				waiters.Go(func() {
					if _, err := l.enter(ctx); !errors.Is(err, context.Canceled) {
						t.Errorf("error %v", err)
					}
				})
			}
			synctest.Wait()
			cancel()
			waiters.Wait()
			if l.waiting.Len() != 0 {
				t.Errorf("%d are still in line", l.waiting.Len())
			}
			l.leave(first, bearable)
			l.leave(enter(t, l), bearable)
		})
	})
	t.Run("A turn that comes together with the end goes to the next.", func(t *testing.T) {
		for range 200 { // either may win, and select tosses a coin
			synctest.Test(t, func(t *testing.T) {
				l := newLine(1)
				first := enter(t, l)
				ctx, cancel := context.WithCancel(t.Context())
				var waiters sync.WaitGroup
				waiters.Go(func() {
					if mine, err := l.enter(ctx); err == nil {
						l.leave(mine, unknown)
					}
				})
				synctest.Wait()
				waiters.Go(func() { l.leave(enter(t, l), unknown) })
				synctest.Wait()
				l.mu.Lock() // both happen before the waiter looks
				cancel()
				l.underWay--
				l.call()
				l.mu.Unlock()
				_ = first
				waiters.Wait()
				if l.underWay != 0 || l.waiting.Len() != 0 {
					t.Fatalf("%d under way and %d in line", l.underWay, l.waiting.Len())
				}
			})
		}
	})
}

func TestFeel(t *testing.T) {
	for _, c := range []struct {
		sentence string
		answer   answer
		lost     *loss
		want     load
	}{
		{"A link.", answer{status: 201}, nil, bearable},
		{"A user's own trouble is quick to tell.", answer{status: 404}, nil, bearable},
		{"A failure of the server's own.", answer{status: 500}, nil, bearable},
		{"Too many requests.", answer{status: 429}, nil, overload},
		{"Too busy.", answer{status: 503}, nil, overload},
		{"A gateway without its server.", answer{status: 502}, nil, overload},
		{"A gateway that waited in vain.", answer{status: 504}, nil, overload},
		{"No connection.", answer{}, &loss{}, overload},
		{"No answer in time.", answer{}, &loss{sent: true, timeout: true}, overload},
	} {
		if got := feel(c.answer, c.lost); got != c.want {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
}

// Each answer moves the limit of a client whose one call comes up against it.
func TestIssueMindsTheLoad(t *testing.T) {
	for _, c := range []struct {
		sentence string
		status   int
		want     int
	}{
		{"A link lets it grow.", http.StatusCreated, 3},
		{"An answer about the user does, too.", http.StatusNotFound, 3},
		{"An answer that the API can't cope cuts it.", http.StatusServiceUnavailable, 1},
		{"A plea for a pause cuts it, besides.", http.StatusTooManyRequests, 1},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"kycLink":"https://kyc.example/s"}`)
			}))
			defer server.Close()
			client, err := New(Config{BaseURL: server.URL, APIKey: pipeline.NewSecret("k"), Connections: 8}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			client.line.limit.now = 2
			other, err := client.line.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Issue(t.Context(), pipeline.User{ID: "u1", Country: pipeline.MX})
			if (err == nil) != (c.status == http.StatusCreated) || client.line.limit.now != c.want {
				t.Errorf("the limit is %d after %v, want %d", client.line.limit.now, err, c.want)
			}
			client.line.leave(other, unknown)
		})
	}
}
