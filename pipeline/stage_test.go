package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"alta/pipeline"
)

func TestChain(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		stages []error // what each stage returns
		ran    int
		err    error
	}{
		{"All stages run when none fails.", []error{nil, nil, nil}, 3, nil},
		{"The first error ends the chain.", []error{nil, broken, nil}, 2, broken},
		{"An empty chain does nothing.", nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ran []int
			var stages []pipeline.Stage
			for i, err := range c.stages {
				stages = append(stages, func(context.Context, *pipeline.Delivery) error {
					ran = append(ran, i)
					return err
				})
			}
			if err := pipeline.Chain(stages...)(t.Context(), invite()); !errors.Is(err, c.err) {
				t.Errorf("error = %v, want %v", err, c.err)
			}
			if len(ran) != c.ran || !slices.IsSorted(ran) {
				t.Errorf("stages %v ran, want the first %d in order", ran, c.ran)
			}
		})
	}
}

// turnstile lets nobody pass when err is set.
type turnstile struct {
	err    error
	passed int
}

func (w *turnstile) Wait(context.Context) error {
	if w.err == nil {
		w.passed++
	}
	return w.err
}

func TestLimit(t *testing.T) {
	t.Run("The stage runs after the wait.", func(t *testing.T) {
		w := &turnstile{}
		err := pipeline.Limit(w, func(context.Context, *pipeline.Delivery) error {
			if w.passed != 1 {
				t.Error("the stage ran before the wait was over")
			}
			return nil
		})(t.Context(), invite())
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("A wait that is given up costs no attempt, and the stage does not run.", func(t *testing.T) {
		err := pipeline.Limit(&turnstile{err: context.Canceled}, func(context.Context, *pipeline.Delivery) error {
			t.Error("the stage ran")
			return nil
		})(t.Context(), invite())
		if f := pipeline.AsFault(err); f.Kind != pipeline.Retry || !f.Free || !errors.Is(err, context.Canceled) {
			t.Errorf("fault %+v, want a free retry with its cause", f)
		}
	})
}

// stopwatch remembers the last stage that it was told of.
type stopwatch struct {
	name string
	took time.Duration
	err  error
}

func (s *stopwatch) ObserveStage(name string, _ *pipeline.Delivery, took time.Duration, err error) {
	s.name, s.took, s.err = name, took, err
}

func TestObserve(t *testing.T) {
	now := ten
	broken := errors.New("broken")
	seen := &stopwatch{}
	stage := pipeline.Observe("issue", seen, func() time.Time { return now }, func(context.Context, *pipeline.Delivery) error {
		now = now.Add(3 * time.Second)
		return broken
	})
	if err := stage(t.Context(), invite()); err != broken {
		t.Errorf("error = %v, want the stage's own", err)
	}
	if seen.name != "issue" || seen.took != 3*time.Second || seen.err != broken {
		t.Errorf("observed %+v", seen)
	}
}
