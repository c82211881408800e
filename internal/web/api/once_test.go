package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf keeps keys in memory, as a ledger does.
type shelf struct {
	mu   sync.Mutex
	kept map[Key]*Kept
	made map[Key]time.Time
	err  error
}

func newShelf() *shelf { return &shelf{kept: map[Key]*Kept{}, made: map[Key]time.Time{}} }

func (s *shelf) StartKey(_ context.Context, k Key, d Digest, forgotten, lost, now time.Time) (*Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if old := s.kept[k]; old != nil && s.made[k].After(forgotten) && (old.Status != 0 || s.made[k].After(lost)) {
		copied := *old
		return &copied, nil
	}
	s.kept[k], s.made[k] = &Kept{Digest: d}, now
	return nil, nil
}

func (s *shelf) FinishKey(_ context.Context, k Key, status int, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[k].Status, s.kept[k].Body = status, body
	return nil
}

func (s *shelf) DropKey(_ context.Context, k Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, k)
	return nil
}

// counter is an operation that counts how often it was done.
type counter struct {
	mu   sync.Mutex
	done int
	do   func(n int) (answer, error)
}

func (c *counter) operation(call) (answer, error) {
	c.mu.Lock()
	c.done++
	n := c.done
	c.mu.Unlock()
	return c.do(n)
}

// onceWorld is an API of one operation.
type onceWorld struct {
	keys    *shelf
	counter *counter
	now     time.Time
	api     *api
	log     *bytes.Buffer
	handler http.Handler
}

func newOnceWorld(do func(n int) (answer, error)) *onceWorld {
	w := &onceWorld{keys: newShelf(), counter: &counter{do: do}, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	w.api = &api{Options: Options{
		Keys: w.keys, Who: func(context.Context) string { return "crm" }, PerMinute: 1000, Patience: time.Minute,
		Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}, limiter: newLimiter(1000)}
	w.handler = w.api.serve(w.api.once(w.counter.operation), true)
	return w
}

func (w *onceWorld) post(key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/things", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set(KeyHeader, key)
	}
	got := httptest.NewRecorder()
	w.handler.ServeHTTP(got, r)
	return got
}

func counted(n int) (answer, error) {
	return answer{status: http.StatusAccepted, body: map[string]int{"n": n}}, nil
}

func TestOnce(t *testing.T) {
	t.Run("without a key each request is done", func(t *testing.T) {
		w := newOnceWorld(counted)
		w.post("", "{}")
		w.wantAnswer(t, w.post("", "{}"), 202, `{"n":2}`)
	})
	t.Run("with a key the second is answered as the first", func(t *testing.T) {
		w := newOnceWorld(counted)
		w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":1}`)
		again := w.post("k", "{}")
		w.wantAnswer(t, again, 202, `{"n":1}`)
		if again.Header().Get("Idempotency-Replayed") != "true" {
			t.Error("nothing tells that the answer is an old one")
		}
	})
	t.Run("the same key with another body is refused", func(t *testing.T) {
		w := newOnceWorld(counted)
		w.post("k", "{}")
		w.wantAnswer(t, w.post("k", "[]"), 422, "/problems/key-reused")
		w.wantDone(t, 1)
	})
	t.Run("a refusal is an answer, too", func(t *testing.T) {
		w := newOnceWorld(func(int) (answer, error) { return answer{}, Refuse(Conflict, "no") })
		w.wantAnswer(t, w.post("k", "{}"), 409, "/problems/conflict")
		again := w.post("k", "{}")
		w.wantAnswer(t, again, 409, "/problems/conflict")
		if got := again.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("the old refusal is %s", got)
		}
		w.wantDone(t, 1)
	})
	t.Run("what was not done may be asked for again", func(t *testing.T) {
		for _, err := range []error{Refuse(Spent, "later"), Refuse(Unavailable, "later"), errors.New("disk full")} {
			w := newOnceWorld(func(n int) (answer, error) {
				if n == 1 {
					return answer{}, err
				}
				return counted(n)
			})
			if got := w.post("k", "{}"); got.Code < 429 {
				t.Errorf("%v was answered %d", err, got.Code)
			}
			w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":2}`)
		}
	})
	t.Run("a bug leaves the key to the next", func(t *testing.T) {
		w := newOnceWorld(func(n int) (answer, error) {
			if n == 1 {
				panic("bug")
			}
			return counted(n)
		})
		w.wantAnswer(t, w.post("k", "{}"), 500, "/problems/broken")
		w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":2}`)
	})
	t.Run("what holds a link is looked for again, and kept nowhere", func(t *testing.T) {
		w := newOnceWorld(func(n int) (answer, error) {
			a, err := counted(n)
			a.secret = true
			return a, err
		})
		w.post("k", "{}")
		w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":2}`)
		for _, kept := range w.keys.kept {
			if kept.Body != nil {
				t.Errorf("%s was kept", kept.Body)
			}
		}
	})
	t.Run("a key lives for a day", func(t *testing.T) {
		w := newOnceWorld(counted)
		w.post("k", "{}")
		w.now = w.now.Add(24 * time.Hour)
		w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":2}`)
	})
	t.Run("a request that is still at it keeps its key, however patient the API is", func(t *testing.T) {
		for _, c := range []struct{ patience, lease time.Duration }{
			{time.Minute, 5 * time.Minute}, {4 * time.Minute, 5 * time.Minute}, {10 * time.Minute, 11 * time.Minute},
		} {
			w := newOnceWorld(counted)
			w.api.Patience = c.patience
			k := Key{"crm", "k"}
			if _, err := w.keys.StartKey(t.Context(), k, Digest{}, time.Time{}, time.Time{}, w.now); err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(c.lease - time.Millisecond)
			w.wantAnswer(t, w.post("k", "{}"), 422, "/problems/key-reused")
			w.now = w.now.Add(time.Millisecond)
			w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":1}`)
		}
	})
	t.Run("an answer that has no JSON is a problem, is in the log, and leaves the key to the next", func(t *testing.T) {
		w := newOnceWorld(func(n int) (answer, error) {
			if n < 3 {
				return ok(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), nil
			}
			return counted(n)
		})
		w.wantAnswer(t, w.post("", "{}"), 500, "/problems/broken")
		w.wantAnswer(t, w.post("k", "{}"), 500, "/problems/broken")
		w.wantAnswer(t, w.post("k", "{}"), 202, `{"n":3}`)
		if n := strings.Count(w.log.String(), "encode an answer"); n != 2 {
			t.Errorf("the log tells of it %d times:\n%s", n, w.log.String())
		}
	})
	t.Run("a key that is none is refused", func(t *testing.T) {
		w := newOnceWorld(counted)
		for _, key := range []string{" ", "a b", "ñ", strings.Repeat("k", 256)} {
			w.wantAnswer(t, w.post(key, "{}"), 400, "/problems/malformed")
		}
		w.wantDone(t, 0)
	})
	t.Run("while the ledger can't be asked nothing is done", func(t *testing.T) {
		w := newOnceWorld(counted)
		w.keys.err = errors.New("disk full")
		w.wantAnswer(t, w.post("k", "{}"), 500, "/problems/broken")
		w.wantDone(t, 0)
	})
}

// Of fifty that come at once one is done. The others hear that it goes on, or its
// answer.
func TestOnceInACrowd(t *testing.T) {
	const crowd = 50
	w := newOnceWorld(counted)
	var all sync.WaitGroup
	answers := make(chan *httptest.ResponseRecorder, crowd)
	for range crowd {
		all.Go(func() { answers <- w.post("k", "{}") })
	}
	all.Wait()
	close(answers)
	for got := range answers {
		if got.Code == http.StatusConflict {
			w.wantAnswer(t, got, 409, "/problems/under-way")
			continue
		}
		w.wantAnswer(t, got, 202, `{"n":1}`)
	}
	w.wantDone(t, 1)
}

func (w *onceWorld) wantAnswer(t *testing.T, got *httptest.ResponseRecorder, status int, says string) {
	t.Helper()
	if got.Code != status || !strings.Contains(got.Body.String(), says) {
		t.Errorf("the answer is %d %s, expected %d %s", got.Code, got.Body, status, says)
	}
}

func (w *onceWorld) wantDone(t *testing.T, times int) {
	t.Helper()
	if w.counter.done != times {
		t.Errorf("it was done %d times, expected %d", w.counter.done, times)
	}
}
