package app

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"alta/pipeline"
)

// The real binary, with six hundred users and eight connections, is killed at
// random instants and then run to its end. Set ALTA_KILL_SEED to see a failure
// again, as far as instants can be repeated.
func TestKilledAtRandomInstants(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testKilledAtRandomInstants)
}

func testKilledAtRandomInstants(t *testing.T) {
	const users = 600
	kills := 25
	if soak() {
		kills = 500
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("ALTA_KILL_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		check(t, err)
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var total counts
	killed, ledgers, waited := 0, 0, 0
	for killed < kills {
		// A user may be claimed by each of the runs, and each may have minted.
		w := newWorld(t, time.Now, "smtp.connections = 8", "plan.workers = 16", "plan.reissue_on_expiry = false", "plan.max_links = 100")
		people := manyPeople(users)
		w.write("users.csv", csvOf(people))
		w.exec(0, "users", "import", w.path("users.csv"))
		// Until one comes to its end by itself, for want of anything to do.
		for killed < kills && w.runAndKill(time.Duration(random.Int64N(int64(w.killWithin())))) {
			killed++
		}
		w.runUntilDone()
		// Whose mail was on the wire at three kills waits for the operator.
		if n := w.number(`SELECT count(*) FROM deliveries WHERE state = 'doubt'`); n > 0 {
			w.exec(0, "resend", "--doubt", "--reason", "killed three times", "--yes")
			w.runUntilDone()
			waited += n
		}
		total.add(proof{world: w, people: people, mails: 1}.check())
		ledgers++
	}
	t.Logf("%d runs killed, %d users, %d of whom waited for the operator, %d mails, %d identical copies, %d attempts in doubt, %d mints of which %d were not kept, %d doubtful mints counted",
		killed, ledgers*users, waited, total.mails, total.copies, total.doubts, total.mints, total.extraMints, total.doubtfulMints)
}

// killWithin is how long a run lasts that is not killed, about. With PostgreSQL it
// joins the fleet first.
func (w *world) killWithin() time.Duration {
	if w.postgres != "" {
		return 1200 * time.Millisecond
	}
	return 400 * time.Millisecond
}

// runAndKill makes a run and kills it after the time, counted from its start.
// It tells whether that ended it.
func (w *world) runAndKill(after time.Duration) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), after)
	defer cancel()
	run := w.commandOf(ctx, program(w.t), "run") // a context that ends kills with SIGKILL
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	err := run.Run()
	w.wantNoSecret(out.String())
	return err != nil && ctx.Err() != nil && run.ProcessState != nil && run.ProcessState.ExitCode() == -1
}

func manyPeople(n int) []person {
	all := make([]person, n)
	for i := range all {
		all[i] = person{
			id: fmt.Sprintf("5a3d0000-0000-4000-8000-%012d", i+1), email: fmt.Sprintf("persona%d@correo.example", i+1),
			name: fmt.Sprintf("Persona Número %d", i+1), country: pipeline.MX,
		}
		if i%2 == 1 {
			all[i].country = pipeline.DO
		}
	}
	return all
}
