package app

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// The first start, which makes the ledger, takes users in from a source and mails
// them, is killed at each change that it makes to the ledger's files, and alta is
// then run to its end.
func TestKilledAtEachChangeOfTheLedger(t *testing.T) {
	requireShim(t)
	source := sourceWithUsers(t)
	people := make([]person, badDiskUsers)
	for i := range people {
		people[i] = person{id: fmt.Sprintf("u-%02d", i), email: badDiskAddress(i)}
	}
	var killed atomic.Int64
	t.Run("change", func(t *testing.T) {
		for n := 1; n <= 200; n++ {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, time.Now, append(quietPlan(2), source...)...)
				run := w.command("run")
				badDisk{from: n}.on(w, run)
				var out bytes.Buffer
				run.Stdout, run.Stderr = &out, &out
				if err := run.Run(); err == nil || run.ProcessState.ExitCode() != -1 {
					t.Fatalf("the run did not end at change %d: %v\n%s", n, err, out.String())
				}
				killed.Add(1)
				w.exec(anyStatus, "run") // the first, perhaps: there may be no ledger yet
				w.runUntilDone()
				proof{world: w, people: people, mails: 1}.check()
			})
		}
	})
	t.Logf("killed at %d changes of the ledger's files", killed.Load())
}
