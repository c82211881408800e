package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"alta/pipeline"
)

func TestGateLetsInSoManyInTurn(t *testing.T) {
	for _, c := range []struct {
		sentence string
		n, want  int
	}{
		{"One at a time.", 1, 1},
		{"A few.", 3, 3},
		{"More than there are.", 50, 10},
		{"None counts as one.", 0, 1},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				var order []int64
				stage := pipeline.Gate(c.n, func(ctx context.Context, d *pipeline.Delivery) error {
					g.mu.Lock()
					order = append(order, d.ID)
					g.mu.Unlock()
					return g.stage(ctx, d)
				})
				failed := errors.New("failed")
				var waiters sync.WaitGroup
				for id := range int64(10) {
					d := invite()
					d.ID = id
					waiters.Go(func() {
						if err := stage(t.Context(), d); !errors.Is(err, failed) {
							t.Errorf("error %v, want the stage's own", err)
						}
					})
					synctest.Wait()
				}
				if g.now() != c.want {
					t.Errorf("%d inside, want %d", g.now(), c.want)
				}
				for range 10 {
					g.pass <- failed
					synctest.Wait()
				}
				waiters.Wait()
				if g.most != c.want || !slices.IsSorted(order) || len(order) != 10 {
					t.Errorf("at most %d inside, want %d; in the order %v", g.most, c.want, order)
				}
			})
		})
	}
}

func TestGateIsPassedAgainAfterAPanic(t *testing.T) {
	stage := pipeline.Gate(1, func(context.Context, *pipeline.Delivery) error { panic("bug") })
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = stage(t.Context(), invite())
		}()
	}
}

// TestAStopAtTheGateCostsNothing stops a run with one mail inside and three that
// wait: those go back as they came, and the one comes to its end.
func TestAStopAtTheGateCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, g := newBook(4), newGate()
		done := make(chan pipeline.Report)
		go func() {
			r, err := pipeline.Run(ctx, b, pipeline.Record(b, usual(t), stopped(ten), pipeline.Gate(1, g.stage), nil), options(4))
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(b.recorded) != 3 {
			t.Errorf("%d went back at once, want the three that waited", len(b.recorded))
		}
		for _, v := range b.recorded {
			if v.State != pipeline.Due || v.Paid || v.Tried || !v.DueAt.Equal(invite().DueAt) {
				t.Errorf("waiting cost something: %+v", v)
			}
		}
		g.pass <- nil
		r := <-done
		b.settled(t, r)
		if r.Sent != 1 || r.Retry != 3 {
			t.Errorf("report %+v, want one sent", r)
		}
	})
}
