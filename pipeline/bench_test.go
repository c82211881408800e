package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"alta/pipeline"
)

// spring is a ledger that never runs dry until n are pulled, and records
// nothing.
type spring struct {
	left int
	user pipeline.Delivery
}

func (s *spring) Pull(_ context.Context, _ time.Time, n int) (pipeline.Batch, error) {
	n = min(n, s.left)
	s.left -= n
	batch := pipeline.Batch{Deliveries: make([]pipeline.Delivery, n)}
	for i := range batch.Deliveries {
		batch.Deliveries[i] = s.user
	}
	return batch, nil
}

func (s *spring) Record(context.Context, *pipeline.Delivery, pipeline.Verdict, time.Time) error {
	return nil
}

// BenchmarkRun shows what a delivery costs besides its stages and its ledger:
// the hand-over to a worker, the gate, the plan's verdict, the report.
func BenchmarkRun(b *testing.B) {
	for _, workers := range []int{16, 64, 512} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			s := &spring{left: b.N, user: *invite()}
			s.user.User.TimeZone = "UTC" // a zone has its price in BenchmarkPlan
			deliver := pipeline.Record(s, usual(b), stopped(ten), pipeline.Gate(16, fails(nil)), nil)
			r, err := pipeline.Run(b.Context(), s, deliver, options(workers))
			if err != nil || r.Selected != b.N {
				b.Fatalf("report %+v, error %v", r, err)
			}
		})
	}
}

// BenchmarkPlan shows what it costs to decide about one mail, before and after.
func BenchmarkPlan(b *testing.B) {
	plan, d := usual(b), invite()
	b.Run("Admit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.Admit(d, ten)
		}
	})
	b.Run("Judge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.Judge(d, nil, ten)
		}
	})
}
