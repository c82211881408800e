package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"alta/pipeline"
	"alta/store"
)

// pullRepeats is how many pulls one process makes. The first one finds the
// caches of SQLite empty; the median of them stands for a run that goes on.
const pullRepeats = 5

// playPull claims due deliveries as a run does, and puts all of them back.
func playPull(ctx context.Context, t task, now pipeline.Clock) (err error) {
	s, err := store.Open(ctx, t.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	lock, err := s.LockSoon(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	var a answer
	for range pullRepeats {
		took, err := pullOnce(ctx, s, t.Mails, now)
		if err != nil {
			return err
		}
		a.Pulls = append(a.Pulls, took.Seconds())
	}
	return a.print()
}

func pullOnce(ctx context.Context, s *store.Store, want int, now pipeline.Clock) (took time.Duration, err error) {
	id, _, err := s.StartRun(ctx, store.ByCommand, time.Time{}, 0, now())
	if err != nil {
		return 0, err
	}
	q := s.Queue(id, store.Everything)
	began := now()
	batch, err := q.Pull(ctx, began, want)
	took = now().Sub(began)
	if err != nil {
		return 0, err
	}
	report, err := putBack(ctx, q, batch.Deliveries, now)
	if err != nil {
		return 0, err
	}
	if report.Selected != want {
		return 0, fmt.Errorf("pulled %d deliveries, expected %d", report.Selected, want)
	}
	return took, s.FinishRun(ctx, id, report, nil, now())
}

// putBack makes the deliveries due again. All at once, so that they share their
// commits.
func putBack(ctx context.Context, q *store.Queue, claimed []pipeline.Delivery, now pipeline.Clock) (r pipeline.Report, err error) {
	failures := make([]error, len(claimed))
	var writers sync.WaitGroup
	for i := range claimed {
		d := &claimed[i]
		v := pipeline.PutBack(d, d.DueAt)
		r.Count(v)
		writers.Go(func() { failures[i] = q.Record(ctx, d, v, now()) })
	}
	writers.Wait()
	return r, errors.Join(failures...)
}
