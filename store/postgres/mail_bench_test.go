package postgres

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// BenchmarkMail is what the ledger does for a mail: its share of a pull, taken by a
// machine, the link kept, the sending begun and the verdict recorded, each durable,
// with many in flight. River's own work is left out.
func BenchmarkMail(b *testing.B) {
	c := pgtest.Start(b, pgcluster.Options{Durable: true})
	for _, inFlight := range []int{16, 64, 256} {
		b.Run(fmt.Sprintf("in_flight=%d", inFlight), func(b *testing.B) {
			s := openAt(b, pgtest.NewDatabase(b, c))
			if err := s.UseKey(b.Context(), testKey(b)); err != nil {
				b.Fatal(err)
			}
			for users := range slices.Chunk(numbered("bench", b.N), 2000) {
				enrolUsers(b, s, users...)
			}
			s.exec(b, `VACUUM ANALYZE users, deliveries`)
			s.exec(b, `CHECKPOINT`)
			q := startRun(b, s).On(1, numberJobs)
			const transactions = `SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`
			server, committed := serverOf(b, s), number(b, s, transactions)
			client, database, wal := cpuTime(b), server.cpuTime(b), number(b, s, `SELECT pg_current_wal_lsn() - '0/0'`)
			b.ResetTimer()
			mailAll(b, q, inFlight)
			b.StopTimer()
			perMail := func(n float64, unit string) { b.ReportMetric(n/float64(b.N), unit+"/mail") }
			perMail(float64((cpuTime(b) - client).Microseconds()), "client-us")
			perMail(float64((server.cpuTime(b) - database).Microseconds()), "server-us")
			perMail(float64(number(b, s, `SELECT pg_current_wal_lsn() - '0/0'`)-wal), "wal-B")
			time.Sleep(1100 * time.Millisecond) // each backend tells its figures once a second
			perMail(float64(number(b, s, transactions)-committed), "commits")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

// numberJobs stands for River: the job of a delivery has its number.
func numberJobs(_ context.Context, _ pgx.Tx, claimed []ClaimedDelivery) ([]int64, error) {
	return each(claimed, func(c ClaimedDelivery) int64 { return c.ID }), nil
}

// mailAll drains the queue as machines do, without the mint and the mail server.
func mailAll(b *testing.B, q *Queue, inFlight int) {
	plan := pipeline.Plan{Reminders: []time.Duration{time.Hour}, MaxMails: 6, Tries: 8}
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, inFlight)
	for {
		batch, err := q.Pull(b.Context(), noon, 256)
		if err != nil {
			b.Fatal(err)
		}
		if len(batch.Deliveries) == 0 {
			return
		}
		for _, d := range batch.Deliveries {
			slots <- struct{}{}
			workers.Go(func() {
				defer func() { <-slots }()
				if err := mailOne(b.Context(), q, d.ID, plan); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

func mailOne(ctx context.Context, q *Queue, id int64, plan pipeline.Plan) error {
	taken, err := q.Take(ctx, id, id, noon)
	if err != nil {
		return err
	}
	d := &taken.Delivery
	fill(d, noon)
	if err := q.Keep(ctx, d); err != nil {
		return err
	}
	if err := q.Begin(ctx, d, noon); err != nil {
		return err
	}
	d.Receipt = pipeline.Receipt{Reply: "250 2.0.0 Ok: queued as 4F3"}
	return q.Record(ctx, d, plan.Judge(d, nil, noon), noon)
}

// cpuTime is what this process has used of the processors so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// server is the process that all of the server's come from.
type server string

func serverOf(b *testing.B, s *Store) server {
	fields, err := statOf(strconv.Itoa(number(b, s, `SELECT pg_backend_pid()`)))
	if err != nil {
		b.Skip("the server's processes can't be seen:", err)
	}
	return server(fields[1])
}

// cpuTime is what the server's living processes have used so far.
func (v server) cpuTime(b *testing.B) (sum time.Duration) {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range processes {
		fields, err := statOf(p.Name())
		if err != nil || len(fields) < 13 || fields[1] != string(v) {
			continue
		}
		for _, ticks := range fields[11:13] {
			n, err := strconv.Atoi(ticks)
			if err != nil {
				b.Fatal(err)
			}
			sum += time.Duration(n) * time.Second / 100
		}
	}
	return sum
}

// statOf returns the fields of /proc/PID/stat behind the name.
func statOf(pid string) ([]string, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest), nil
}

// BenchmarkPull is a pull of 64 of a great many that are due.
func BenchmarkPull(b *testing.B) {
	c := pgtest.Start(b, pgcluster.Options{Durable: true})
	s := openAt(b, pgtest.NewDatabase(b, c))
	for users := range slices.Chunk(numbered("bench", 200_000), 5000) {
		enrolUsers(b, s, users...)
	}
	s.exec(b, `VACUUM ANALYZE users, deliveries`)
	q := s.Queue(startRun(b, s).run, store.Everything)
	for b.Loop() {
		if _, err := q.Pull(b.Context(), noon, 64); err != nil {
			b.Fatal(err)
		}
	}
}
