package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"alta/pipeline"
)

// BenchmarkPullRecord pulls 1,000 due deliveries and records each of them as
// sixteen workers do, among users most of whom are owed nothing yet. The cost
// must not depend on how many they are.
func BenchmarkPullRecord(b *testing.B) {
	for _, users := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
			const due = 1_000
			s := openAt(b, newPath(b))
			fillLedger(b, s, due, noon)
			fillLedger(b, s, users-due, noon.AddDate(1, 0, 0))
			run, _, err := s.StartRun(b.Context(), ByCommand, time.Time{}, 0, noon)
			if err != nil {
				b.Fatal(err)
			}
			q, now := s.Queue(run, Everything), noon
			for b.Loop() {
				if n := drain(b, q, now); n != due {
					b.Fatalf("pulled %d deliveries, want %d", n, due)
				}
				now = now.Add(time.Second)
			}
			b.ReportMetric(float64(due*b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// drain pulls until nothing is due and puts everything off by a second.
func drain(b *testing.B, q *Queue, now time.Time) (n int) {
	var workers sync.WaitGroup
	slots := make(chan struct{}, 16)
	for {
		batch, err := q.Pull(b.Context(), now, 2*cap(slots))
		if err != nil {
			b.Fatal(err)
		}
		if len(batch.Deliveries) == 0 {
			workers.Wait()
			return n
		}
		n += len(batch.Deliveries)
		for i := range batch.Deliveries {
			d := &batch.Deliveries[i]
			slots <- struct{}{}
			workers.Go(func() {
				defer func() { <-slots }()
				if err := q.Record(b.Context(), d, pipeline.PutBack(d, now.Add(time.Second)), now); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

// BenchmarkEnrol adds new users in batches of 500, as an import does.
func BenchmarkEnrol(b *testing.B) {
	const batch = 500
	s := openAt(b, newPath(b))
	rows := 0
	for b.Loop() {
		enrolBatch(b, s, rows, batch, noon)
		rows += batch
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEnrolUnchanged enrols the same 500 users again and again.
func BenchmarkEnrolUnchanged(b *testing.B) {
	const batch = 500
	s := openAt(b, newPath(b))
	enrolBatch(b, s, 0, batch, noon)
	for b.Loop() {
		enrolBatch(b, s, 0, batch, noon)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func fillLedger(b *testing.B, s *Store, n int, due time.Time) {
	for first := 0; first < n; first += 500 {
		enrolBatch(b, s, first, min(500, n-first), due)
	}
}

// enrolBatch enrols n users, half of each country, with an invite at due.
func enrolBatch(b *testing.B, s *Store, first, n int, due time.Time) {
	users := make([]pipeline.User, n)
	for i := range users {
		country := pipeline.MX
		if i%2 == 1 {
			country = pipeline.DO
		}
		id := fmt.Sprintf("%d-%08d", due.Unix(), first+i)
		users[i] = pipeline.User{ID: id, ExternalID: "x" + id, Email: id + "@example.com", Name: "Name", Country: country}
	}
	if _, err := s.Enrol(context.Background(), users, Imported, inviteAt(due), noon); err != nil {
		b.Fatal(err)
	}
}
