package pipeline_test

import (
	"context"
	"testing"
	"time"

	"alta/pipeline"
)

// growing is a queue in which ever more falls due, each fifth mail asked for by
// an operator.
type growing struct {
	only   bool // yields what operators asked for
	pulled int
}

func (g *growing) Pull(_ context.Context, _ time.Time, n int) (b pipeline.Batch, err error) {
	for range n {
		g.pulled++
		b.Deliveries = append(b.Deliveries, pipeline.Delivery{Operator: g.only || g.pulled%5 == 0})
	}
	return b, nil
}

func TestBoundYieldsSoManyThatNoOperatorAskedFor(t *testing.T) {
	for _, most := range []int{1, 7, 100} {
		q := pipeline.Bound(&growing{}, &growing{only: true}, most)
		unasked, asked := 0, 0
		for range 60 {
			b, err := q.Pull(t.Context(), ten, 8)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range b.Deliveries {
				if d.Operator {
					asked++
				} else {
					unasked++
				}
			}
		}
		if unasked != most {
			t.Errorf("%d that nobody asked for, want %d", unasked, most)
		}
		if asked < 200 {
			t.Errorf("only %d of the operators', which are not bounded", asked)
		}
	}
}
