package capa

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
)

func TestLimitIsResized(t *testing.T) {
	const (
		well     = -1 - iota // a call that went well while all places were taken
		overload             // of a call that began last
		stale                // of one that began first
	)
	for _, c := range []struct {
		sentence string
		most     int
		steps    []int // a new most, or one of the above
		want     int
	}{
		{"It follows down.", 8, []int{3}, 3},
		{"It follows to none, where nothing moves it.", 8, []int{0, well, stale}, 0},
		{"And back.", 8, []int{0, 8}, 8},
		{"A client that knows nothing begins as a new one would.", 2, []int{384}, 16},
		{"Also when there was nothing for it at first.", 2, []int{0, 384}, 16},
		{"Then it grows.", 2, []int{384, well, well}, 18},
		{"What it has found out about is kept while there is less.", 384, []int{well, well, 4, 384}, 18},
		{"What an overload left is kept, too.", 16, []int{overload, 4, 16}, 8},
		{"More lets it grow again, slowly from where the overload left it.", 4, []int{overload, 16, well, well, well, well, well}, 4},
		{"An overload of a smaller share is half of that one.", 16, []int{4, overload, 16}, 2},
		{"One of calls that began before it says nothing about it.", 16, []int{4, stale, 16}, 16},
		{"So does none that comes at zero.", 16, []int{0, stale, 16}, 16},
		{"A share that allows no less than before hides no overload.", 384, []int{64, stale}, 8},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			l := newLimit(c.most)
			for _, step := range c.steps {
				switch step {
				case well:
					l.answered(true)
				case overload:
					l.overloaded(l.cuts)
				case stale:
					l.overloaded(0)
				default:
					l.resize(step)
				}
			}
			if l.places() != c.want {
				t.Errorf("%d places, want %d", l.places(), c.want)
			}
		})
	}
}

func TestLineIsResized(t *testing.T) {
	t.Run("No call begins at zero, and the end of its context ends a wait.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			l.resize(0, nil)
			ctx, cancel := context.WithCancel(t.Context())
			var waiters sync.WaitGroup
			waiters.Go(func() {
				if _, err := l.enter(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
			})
			synctest.Wait()
			if l.underWay != 0 || l.waiting.Len() != 1 {
				t.Errorf("%d under way, %d in line", l.underWay, l.waiting.Len())
			}
			cancel()
			waiters.Wait()
		})
	})
	t.Run("More lets in those who wait, in their order, with the transport that has room.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l, bigger := newLine(1), new(http.Transport)
			l.resize(0, new(http.Transport))
			var mu sync.Mutex
			var begun []int
			for n := range 5 {
				go func() {
					mine, err := l.enter(t.Context())
					mu.Lock()
					defer mu.Unlock()
					if begun = append(begun, n); err != nil || mine.transport != bigger {
						t.Errorf("waiter %d: %v", n, err)
					}
				}()
				synctest.Wait()
			}
			l.resize(3, bigger)
			synctest.Wait()
			if slices.Sort(begun); !slices.Equal(begun, []int{0, 1, 2}) || l.underWay != 3 {
				t.Errorf("%v began, %d under way", begun, l.underWay)
			}
			l.resize(5, bigger)
			synctest.Wait()
			if len(begun) != 5 {
				t.Errorf("%v began", begun)
			}
		})
	})
	t.Run("Who has not called yet gives his turn up, and gets the next.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l, smaller := newLine(2), new(http.Transport)
			first, _ := l.enter(t.Context())
			second, _ := l.enter(t.Context())
			go func() { _, _ = l.enter(t.Context()) }() // has had none
			synctest.Wait()
			l.resize(1, smaller)
			var waiters sync.WaitGroup
			waiters.Go(func() {
				kept, err := l.keep(t.Context(), &second)
				if kept || err != nil || !second.held {
					t.Errorf("kept %v, %v, %+v", kept, err, second)
				}
				if kept, err = l.keep(t.Context(), &second); !kept || err != nil || second.transport != smaller {
					t.Errorf("at last: kept %v, %v, %+v", kept, err, second)
				}
				l.leave(second, unknown)
			})
			synctest.Wait()
			if kept, err := l.keep(t.Context(), &first); !kept || err != nil || l.underWay != 1 {
				t.Errorf("the first: kept %v, %v, %d under way", kept, err, l.underWay)
			}
			l.leave(first, unknown)
			waiters.Wait()
			synctest.Wait()
			if l.underWay != 1 || l.waiting.Len() != 0 {
				t.Errorf("%d under way, %d in line", l.underWay, l.waiting.Len())
			}
		})
	})
	t.Run("A turn that was given up and did not come again is not given back.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			mine, _ := l.enter(t.Context())
			l.resize(0, nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if kept, err := l.keep(ctx, &mine); kept || !errors.Is(err, context.Canceled) {
				t.Errorf("kept %v, %v", kept, err)
			}
			if l.leave(mine, unknown); l.underWay != 0 || l.waiting.Len() != 0 {
				t.Errorf("%d under way, %d in line", l.underWay, l.waiting.Len())
			}
		})
	})
}

// Four calls ask for a turn at the same moment, and the rate changes 500 ms later.
func TestPaceChanges(t *testing.T) {
	for _, c := range []struct {
		sentence  string
		from, to  float64 // per second
		ms        []int   // when the turns are used
		cancelled bool    // the first who waits gives up before the change
	}{
		{"It stays.", 1, 1, []int{0, 1000, 2000, 3000}, false},
		{"A lower one counts for those who wait.", 1, 0.5, []int{0, 2000, 4000, 6000}, false},
		{"So does a higher one.", 0.001, 10, []int{0, 500, 600, 700}, false},
		{"A higher one counts from the latest turn that was used.", 1, 1.25, []int{0, 800, 1600, 2400}, false},
		{"Without one all go at once.", 0.001, 0, []int{0, 500, 500, 500}, false},
		{"Whoever had gone at once is not called back.", 0, 1, []int{0, 0, 0, 0}, false},
		{"Whoever gave up has used no turn.", 1, 0.5, []int{0, 2000, 4000}, true},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, start := newPace(c.from), time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var mu sync.Mutex
				var ms []int
				var waiters sync.WaitGroup
				for n := range 4 {
					waiters.Go(func() {
						mine := t.Context()
						if n == 1 && c.cancelled {
							mine = ctx
						}
						for {
							granted, err := p.wait(mine)
							if err != nil {
								return
							}
							if granted {
								mu.Lock()
								defer mu.Unlock()
								ms = append(ms, int(time.Since(start).Milliseconds()))
								return
							}
						}
					})
					synctest.Wait()
				}
				if c.cancelled {
					cancel()
				}
				time.Sleep(500 * time.Millisecond) // of the test's own clock
				p.set(c.to)
				waiters.Wait()
				if slices.Sort(ms); !slices.Equal(ms, c.ms) {
					t.Errorf("the turns were used after %v ms, want %v", ms, c.ms)
				}
			})
		})
	}
	t.Run("A limit that comes after none holds at once.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, start := newPace(0), time.Now()
			for range 3 {
				_, _ = p.wait(t.Context())
			}
			p.set(2)
			if granted, err := p.wait(t.Context()); !granted || err != nil || time.Since(start) != 500*time.Millisecond {
				t.Errorf("granted %v, %v after %v", granted, err, time.Since(start))
			}
		})
	})
	t.Run("A deadline that is too soon is told at once, and costs no turn.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, start := newPace(1), time.Now()
			_, _ = p.wait(t.Context())
			ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
			defer cancel()
			if granted, err := p.wait(ctx); granted || !errors.Is(err, errTooLate) || time.Since(start) != 0 {
				t.Errorf("granted %v, %v after %v", granted, err, time.Since(start))
			}
			if granted, err := p.wait(t.Context()); !granted || err != nil || time.Since(start) != time.Second {
				t.Errorf("granted %v, %v after %v", granted, err, time.Since(start))
			}
		})
	})
}

// Turns that wait for the rate are no calls: with none to be made they are given
// up, and taken up again.
func TestAShareReachesThoseWhoWaitForTheRate(t *testing.T) {
	client, err := New(Config{BaseURL: "https://capa.invalid", APIKey: pipeline.NewSecret("k"), Connections: 8, Rate: 0.001}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		client.pace = newPace(0.001) // its channel is the bubble's
		_, _ = client.pace.wait(t.Context())
		var admitted atomic.Int64
		for range 4 {
			go func() {
				mine, _ := client.line.enter(t.Context())
				if client.admit(t.Context(), minting, &mine) == nil {
					admitted.Add(1)
				}
			}()
			synctest.Wait()
		}
		for _, step := range []struct {
			connections    int
			rate           float64
			held, admitted int
		}{{0, 0.001, 0, 0}, {2, 0.001, 2, 0}, {1, 0.001, 1, 0}, {3, 0, 3, 3}, {4, 0, 4, 4}} {
			client.SetShare(step.connections, step.rate)
			synctest.Wait()
			if client.line.underWay != step.held || int(admitted.Load()) != step.admitted {
				t.Errorf("share of %d: %d turns held, %d admitted", step.connections, client.line.underWay, admitted.Load())
			}
		}
	})
}
