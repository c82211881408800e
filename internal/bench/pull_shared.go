package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// A run on PostgreSQL claims what is due a few hundred at a time. One that pulls so
// often sees the first pulls find cold caches, and the others not.
const (
	sharedPulled = postgres.MostClaimed
	sharedPulls  = 20
)

// playPullShared claims due deliveries as a run of a fleet does, with a job of
// River's for each, and puts all of them back.
func playPullShared(ctx context.Context, t task, now pipeline.Clock) (err error) {
	s, err := postgres.Open(ctx, postgres.Options{URL: pipeline.NewSecret(t.Ledger)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := store.ParseKey(pipeline.NewSecret(dataKey()))
	if err != nil {
		return err
	}
	if err := s.UseKey(ctx, key); err != nil {
		return err
	}
	insert, err := jobsOf(s)
	if err != nil {
		return err
	}
	run, _, err := s.StartRun(ctx, store.ByCommand, time.Time{}, 0, now())
	if err != nil {
		return err
	}
	q := s.Queue(run, store.Everything).On(1, insert)
	var a answer
	for range sharedPulls {
		began := now()
		claimed, _, err := q.Claim(ctx, began, sharedPulled)
		a.Pulls = append(a.Pulls, now().Sub(began).Seconds())
		if err != nil {
			return err
		}
		if got := claimed; got != sharedPulled {
			return fmt.Errorf("pulled %d deliveries, expected %d", got, sharedPulled)
		}
	}
	if err := s.Release(ctx, run, now()); err != nil {
		return err
	}
	if _, err := s.Pool().Exec(ctx, `TRUNCATE river_job`); err != nil {
		return fmt.Errorf("remove the jobs: %w", err)
	}
	if err := s.FinishRun(ctx, run, pipeline.Report{}, nil, now()); err != nil {
		return err
	}
	return a.print()
}

// deliverJob has the form of the fleet's own.
type deliverJob struct {
	Delivery int64 `json:"delivery"`
}

// Kind implements [river.JobArgs].
func (deliverJob) Kind() string { return "alta_deliver" }

// jobsOf inserts jobs that nobody works.
func jobsOf(s *postgres.Store) (postgres.Jobs, error) {
	c, err := river.NewClient(riverpgxv5.New(s.Pool()), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("set River up: %w", err)
	}
	return func(ctx context.Context, tx pgx.Tx, claimed []postgres.ClaimedDelivery) (ids []int64, err error) {
		params := make([]river.InsertManyParams, len(claimed))
		for i, d := range claimed {
			params[i].Args = deliverJob{d.ID}
		}
		inserted, err := c.InsertManyTx(ctx, tx, params)
		for _, r := range inserted {
			ids = append(ids, r.Job.ID)
		}
		return ids, err
	}, nil
}
