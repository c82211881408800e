package app

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"alta/internal/pgcluster/pgtest"
)

// A queue that somebody pauses with a tool of River's stops the mails, and the status
// says so, and how to go on.
func TestStatusSaysThatAQueueIsPaused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 1, `schedule.cron = "@every 1s"`, `log.level = "debug"`)
	f.hosts[0].serve()
	f.hosts[0].servant.says(`"smtp_connections":`)
	f.eventually("its queue", func() bool { return f.number(`SELECT count(*) FROM river_queue WHERE name = 'alta_deliver'`) == 1 })

	// As River UI does it.
	pool, err := pgxpool.New(t.Context(), f.postgres)
	check(t, err)
	defer pool.Close()
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	check(t, err)
	check(t, c.QueuePause(t.Context(), "alta_deliver", nil))

	people := manyPeople(3)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.eventually("the claims", func() bool { return f.number(`SELECT count(*) FROM deliveries WHERE state = 'claimed'`) == len(people) })
	out := f.exec(0, "status")
	_, statement, found := strings.Cut(out, "start all machines again behind ")
	if !found || !strings.Contains(out, "PAUSED: River's queue alta_deliver, with a tool of River's, ") {
		t.Fatalf("the status does not say that the queue is paused:\n%s", out)
	}
	var status statusJSON
	check(t, json.Unmarshal([]byte(f.exec(0, "status", "--json")), &status))
	if len(status.PausedQueues) != 1 || status.PausedQueues[0].Name != "alta_deliver" || status.PausedQueues[0].Since == nil {
		t.Errorf("the paused queues are %+v", status.PausedQueues)
	}
	if n := len(f.smtp.Mails()); n > 0 {
		t.Errorf("%d mails left although the queue is paused", n)
	}

	f.change(strings.TrimSpace(statement))
	f.hosts[0].servant.signal(syscall.SIGTERM)
	f.hosts[0].servant.wait()
	f.hosts[0].serve()
	f.eventually("the mails", func() bool { return len(f.smtp.Mails()) == len(people) })
	if out := f.exec(0, "status"); strings.Contains(out, "PAUSED") {
		t.Errorf("the queue is not paused any more:\n%s", out)
	}
	f.wantSettled()
}
