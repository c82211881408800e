package store

import (
	"crypto/rand"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"alta/pipeline"
)

// BenchmarkMail is what the ledger does for a mail: its share of a pull, the
// link kept, the sending begun and the verdict recorded, each durable, with many
// deliveries in flight.
func BenchmarkMail(b *testing.B) {
	for _, inFlight := range []int{16, 64, 256} {
		b.Run(fmt.Sprintf("in_flight=%d", inFlight), func(b *testing.B) {
			s := openAt(b, newPath(b))
			fillLedger(b, s, b.N, noon)
			run, _, err := s.StartRun(b.Context(), ByCommand, time.Time{}, 0, noon)
			if err != nil {
				b.Fatal(err)
			}
			q := s.Queue(run, Everything)
			plan := pipeline.Plan{Reminders: []time.Duration{time.Hour}, MaxMails: 6, Tries: 8}
			b.ResetTimer()
			before := cpuTime(b)
			mailAll(b, q, plan, inFlight)
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-us/mail")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

// mailAll drains the queue as a run does, without the mint and the mail server.
func mailAll(b *testing.B, q *Queue, plan pipeline.Plan, inFlight int) {
	var workers sync.WaitGroup
	slots := make(chan struct{}, inFlight)
	for {
		batch, err := q.Pull(b.Context(), noon, 2*inFlight)
		if err != nil {
			b.Fatal(err)
		}
		if len(batch.Deliveries) == 0 {
			workers.Wait()
			return
		}
		for i := range batch.Deliveries {
			d := &batch.Deliveries[i]
			slots <- struct{}{}
			workers.Go(func() {
				defer func() { <-slots }()
				if err := mailOne(b, q, d, plan); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

func mailOne(b *testing.B, q *Queue, d *pipeline.Delivery, plan pipeline.Plan) error {
	ctx := b.Context()
	d.Link = pipeline.Link{URL: pipeline.NewSecret("https://kyc.example/s/" + rand.Text()), IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour)}
	if err := q.Keep(ctx, d); err != nil {
		return err
	}
	d.Message = pipeline.Message{ID: rand.Text() + "@acme.example", Date: noon, Digest: make([]byte, 32)}
	if err := q.Begin(ctx, d, noon); err != nil {
		return err
	}
	d.Receipt = pipeline.Receipt{Reply: "250 2.0.0 Ok: queued as 4F3"}
	return q.Record(ctx, d, plan.Judge(d, nil, noon), noon)
}

// cpuTime is what the process has used of the processors so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
