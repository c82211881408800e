package store

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// BenchmarkEnrol adds new users in large batches, as an import does. Random ids
// and addresses are what makes the indexes expensive.
func BenchmarkEnrol(b *testing.B) {
	for _, before := range []int{0, 200_000} {
		b.Run(fmt.Sprintf("users=%d", before), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			s := openAt(b, newPath(b))
			for range before / benchBatch {
				enrolRandom(b, s, random)
			}
			b.ResetTimer()
			for range b.N {
				enrolRandom(b, s, random)
			}
			b.ReportMetric(float64(benchBatch*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

const benchBatch = 5000

// enrolRandom enrols users whom nobody has seen before.
func enrolRandom(b *testing.B, s *Store, random *rand.Rand) {
	users := make([]pipeline.User, benchBatch)
	for i := range users {
		high, low := random.Uint64(), random.Uint64()
		users[i] = pipeline.User{
			ID:         fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>32, high>>16&0xffff, high&0xfff, 0x8000|low>>50, low&0xffffffffffff),
			ExternalID: fmt.Sprintf("cli-%08d", random.IntN(1e8)), Email: fmt.Sprintf("%x@example.com", random.Uint32()),
			Name: "Ana Peña Núñez", Country: pipeline.MX, TimeZone: "America/Tijuana",
		}
	}
	if _, err := s.Enrol(context.Background(), users, Imported, inviteAt(noon), noon); err != nil {
		b.Fatal(err)
	}
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
