package pipeline_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

func TestRunDeliversAllThatIsDue(t *testing.T) {
	for _, c := range []struct {
		name       string
		n, workers int
	}{
		{"Nothing is due.", 0, 4},
		{"One delivery and many workers.", 1, 16},
		{"Many deliveries and one worker.", 50, 1},
		{"Many of both.", 500, 16},
		{"No workers count as one.", 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(c.n)
			r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), options(c.workers))
			if err != nil {
				t.Fatal(err)
			}
			b.settled(t, r)
			if r.Sent != c.n {
				t.Errorf("%d sent, want %d", r.Sent, c.n)
			}
		})
	}
}

func TestRunKeepsAllWorkersBusyAndNoMore(t *testing.T) {
	for _, workers := range []int{1, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			const n = 20
			b, g := newBook(n), newGate()
			done := make(chan pipeline.Report)
			go func() {
				r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), g.stage, nil), options(workers))
				if err != nil {
					t.Error(err)
				}
				done <- r
			}()
			for left := n; left > 0; left-- {
				synctest.Wait()
				if got, want := g.now(), min(workers, left); got != want {
					t.Errorf("%d deliveries in flight with %d left and %d workers", got, left, workers)
				}
				g.pass <- nil
			}
			b.settled(t, <-done)
			if g.most != workers {
				t.Errorf("at most %d in flight, want %d", g.most, workers)
			}
		})
	}
}

func TestRunKeepsTheLimit(t *testing.T) {
	for _, c := range []struct {
		name                    string
		n, limit, workers, want int
	}{
		{"Fewer than there are.", 20, 5, 1, 5},
		{"Fewer than one pull takes.", 20, 1, 8, 1},
		{"No multiple of what a pull takes.", 20, 7, 2, 7},
		{"More than there are.", 4, 9, 2, 4},
		{"None is no limit.", 20, 0, 2, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(c.n)
			o := options(c.workers)
			o.Limit = c.limit
			r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), o)
			if err != nil {
				t.Fatal(err)
			}
			b.settled(t, r)
			if r.Selected != c.want || len(b.due) != c.n-c.want {
				t.Errorf("%d selected, %d left", r.Selected, len(b.due))
			}
		})
	}
}

func TestRunTellsEveryVerdictOneAtATime(t *testing.T) {
	b := newBook(50)
	o := options(8)
	busy := make(chan struct{}, 1)
	var totals []int
	seen := map[int64]bool{}
	o.Done = func(d *pipeline.Delivery, v pipeline.Verdict, soFar pipeline.Report) {
		select {
		case busy <- struct{}{}:
		default:
			t.Error("Done was called twice at once")
			return
		}
		totals = append(totals, soFar.Selected)
		seen[d.ID] = v.Outcome == pipeline.OutcomeSent
		<-busy
	}
	r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), o)
	if err != nil {
		t.Fatal(err)
	}
	b.settled(t, r)
	if len(totals) != 50 || totals[0] != 1 || totals[49] != 50 || !slices.IsSorted(totals) || len(seen) != 50 {
		t.Errorf("told of %d deliveries, totals %v", len(seen), totals)
	}
}

func TestRunTellsHowLongItTook(t *testing.T) {
	var passed atomic.Int64
	o := options(1)
	o.Now = func() time.Time { return ten.Add(time.Duration(passed.Load())) }
	b := newBook(1)
	r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), func(context.Context, *pipeline.Delivery) error {
		passed.Store(int64(1500 * time.Millisecond))
		return nil
	}, nil), o)
	if err != nil || r.DurationMS != 1500 {
		t.Errorf("duration %d ms, error %v, want 1500", r.DurationMS, err)
	}
}

// TestEveryReportAddsUp runs random deliveries into random ends.
func TestEveryReportAddsUp(t *testing.T) {
	plan := usual(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(rt, "deliveries")
		kinds := rapid.SliceOfN(rapid.IntRange(-2, 6), n, n).Draw(rt, "kinds") // -1 is a panic, -2 a mail that is sent
		hasOutage := rapid.Bool().Draw(rt, "outages")
		stopAfter := rapid.IntRange(0, 80).Draw(rt, "stop after")
		o := options(rapid.IntRange(0, 9).Draw(rt, "workers"))
		o.Limit = rapid.IntRange(0, 50).Draw(rt, "limit")

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newBook(n)
		o.Done = func(_ *pipeline.Delivery, _ pipeline.Verdict, soFar pipeline.Report) {
			if soFar.Selected == stopAfter {
				cancel()
			}
		}
		r, err := pipeline.Run(ctx, b, pipeline.Record(b, plan, stopped(ten), func(_ context.Context, d *pipeline.Delivery) error {
			switch kind := kinds[d.ID-1]; {
			case kind == -2:
				return nil
			case kind == -1:
				panic("bug")
			case pipeline.Kind(kind) == pipeline.Outage && !hasOutage:
				return nil
			default:
				return &pipeline.Fault{Kind: pipeline.Kind(kind), Code: "drawn", Reason: "Drawn."}
			}
		}, nil), o)
		if err != nil {
			rt.Fatal(err)
		}
		if len(b.claimed) > 0 || len(b.recorded) != b.pulled || r.Selected != b.pulled || sum(r) != b.pulled {
			rt.Fatalf("%d pulled, %d recorded, %d still claimed, report %+v", b.pulled, len(b.recorded), len(b.claimed), r)
		}
		if o.Limit > 0 && b.pulled > o.Limit {
			rt.Fatalf("%d pulled, the limit is %d", b.pulled, o.Limit)
		}
		if r.Outage == "" && ctx.Err() == nil && b.pulled != n && (o.Limit == 0 || b.pulled < o.Limit) {
			rt.Fatalf("nothing stopped the run, but it left %d of %d", n-b.pulled, n)
		}
	})
}

func TestRunPullsAgainForWhatAVerdictMadeDue(t *testing.T) {
	b := newBook(1)
	added := false
	stage := func(context.Context, *pipeline.Delivery) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !added { // the last one in flight makes one more due while the pull is empty
			added = true
			d := *invite()
			d.ID = 2
			b.due = append(b.due, d)
		}
		return nil
	}
	r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), stage, nil), options(4))
	if err != nil {
		t.Fatal(err)
	}
	b.settled(t, r)
	if r.Sent != 2 {
		t.Errorf("%d sent, want the one that fell due during the run too", r.Sent)
	}
}

func TestRunPullsWhileItsWorkersAreBusy(t *testing.T) {
	for _, c := range []struct {
		sentence string
		workers  int
		asked    int // by each pull
		behind   int // claimed and not begun when the next pull is made
	}{
		{"A lone worker begins the last before more is claimed.", 1, 2, 0},
		{"So do few.", 3, 6, 0},
		{"Many have some behind them.", 8, 16, 2},
		{"However many there are, a pull is bounded.", 1000, 256, 0},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g := newBook(2000), newGate()
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan pipeline.Report)
				go func() {
					r, err := pipeline.Run(ctx, b, pipeline.Record(b, usual(t), stopped(ten), g.stage, nil), options(c.workers))
					if err != nil {
						t.Error(err)
					}
					done <- r
				}()
				pulls := func() int {
					synctest.Wait()
					b.mu.Lock()
					defer b.mu.Unlock()
					return len(b.asked)
				}
				if c.workers < c.asked { // the first pull is more than they can begin
					for begun := c.workers; begun < c.asked-c.behind; begun++ {
						if n := pulls(); n != 1 {
							t.Fatalf("%d pulls with %d of %d begun", n, begun, c.asked)
						}
						g.pass <- nil
					}
				}
				if n := pulls(); n < 2 {
					t.Errorf("%d pulls, want the next one", n)
				}
				if b.asked[0] != c.asked {
					t.Errorf("a pull asked for %d, want %d", b.asked[0], c.asked)
				}
				cancel()
				for range g.now() {
					g.pass <- nil
				}
				b.settled(t, <-done)
			})
		})
	}
}

func TestRunForgetsWhatIsDone(t *testing.T) {
	b := newBook(3)
	all := b.due
	stage := func(_ context.Context, d *pipeline.Delivery) error {
		d.Message.Content = pipeline.Content{HTML: "<p>A long text.</p>"}
		return nil
	}
	o := options(1)
	o.Done = func(d *pipeline.Delivery, _ pipeline.Verdict, _ pipeline.Report) {
		if d.ID == 0 || d.Message.HTML == "" {
			t.Errorf("it was forgotten before it was told: %v", d)
		}
	}
	if _, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), stage, nil), o); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Message.HTML != "" {
			t.Errorf("the text of a mail that is sent is still in memory")
		}
	}
}
