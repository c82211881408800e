package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"alta/pipeline"
)

// book is a ledger in memory with the deliveries of as many users.
type book struct {
	mu       sync.Mutex
	due      []pipeline.Delivery
	pulled   int
	asked    []int              // the n of every pull
	claimed  map[int64]bool     // pulled and not recorded yet
	recorded []pipeline.Verdict // in the order of writing
	full     func(recorded int) error
}

func newBook(n int) *book {
	b := &book{claimed: map[int64]bool{}}
	for i := range n {
		d := *invite()
		d.ID = int64(i + 1)
		d.User.ID = fmt.Sprintf("user-%d", i+1)
		b.due = append(b.due, d)
	}
	return b
}

func (b *book) Pull(_ context.Context, _ time.Time, n int) (pipeline.Batch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, n)
	n = min(n, len(b.due))
	batch := pipeline.Batch{Deliveries: b.due[:n:n]}
	b.due = b.due[n:]
	b.pulled += n
	for _, d := range batch.Deliveries {
		b.claimed[d.ID] = true
	}
	return batch, nil
}

func (b *book) Record(_ context.Context, d *pipeline.Delivery, v pipeline.Verdict, _ time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.claimed[d.ID] {
		return fmt.Errorf("delivery %d is not claimed", d.ID)
	}
	if b.full != nil {
		if err := b.full(len(b.recorded)); err != nil {
			return err
		}
	}
	delete(b.claimed, d.ID)
	b.recorded = append(b.recorded, v)
	return nil
}

// tried counts the verdicts on deliveries that were begun.
func (b *book) tried() (n int) {
	for _, v := range b.recorded {
		if v.Tried {
			n++
		}
	}
	return n
}

// settled fails the test unless every claim ended, and the report counts what
// was pulled.
func (b *book) settled(t testing.TB, r pipeline.Report) {
	t.Helper()
	if len(b.claimed) > 0 {
		t.Errorf("%d deliveries are still claimed", len(b.claimed))
	}
	if len(b.recorded) != b.pulled {
		t.Errorf("%d verdicts on %d deliveries", len(b.recorded), b.pulled)
	}
	if r.Selected != b.pulled || sum(r) != r.Selected {
		t.Errorf("the report %+v does not add up to the %d pulled", r, b.pulled)
	}
}

// gate lets deliveries through one by one, as the test says, and counts them.
type gate struct {
	pass chan error // what the delivery's stage returns

	mu       sync.Mutex
	inFlight int
	most     int
}

func newGate() *gate { return &gate{pass: make(chan error)} }

func (g *gate) stage(context.Context, *pipeline.Delivery) error {
	g.move(1)
	defer g.move(-1)
	return <-g.pass
}

func (g *gate) move(by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight += by
	g.most = max(g.most, g.inFlight)
}

func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inFlight
}

func options(workers int) pipeline.RunOptions {
	return pipeline.RunOptions{Workers: workers, Now: stopped(ten)}
}

// script is a ledger whose pulls are written down beforehand.
type script struct {
	*book
	batches []pipeline.Batch
	err     error // after the last batch
	pulls   int
}

func (s *script) Pull(context.Context, time.Time, int) (pipeline.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulls++
	if len(s.batches) == 0 {
		return pipeline.Batch{}, s.err
	}
	batch := s.batches[0]
	s.batches = s.batches[1:]
	s.pulled += len(batch.Deliveries)
	for _, d := range batch.Deliveries {
		s.claimed[d.ID] = true
	}
	return batch, nil
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pulls
}

type pullerFunc func() (pipeline.Batch, error)

func (f pullerFunc) Pull(context.Context, time.Time, int) (pipeline.Batch, error) { return f() }
