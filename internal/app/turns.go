package app

import "time"

// turn is long enough for everybody who waits for the ledger to be let in: they
// ask for it again and again, at intervals that grow to 100 ms (SQLite's busy
// handler), and would hardly ever meet the moment between two commits of a
// process that takes it anew right after each.
const turn = 120 * time.Millisecond

// mostInARow is how long the ledger may be written without a break when no run
// is known to wait. It is well below the time-out of those who wait.
const mostInARow = 2 * time.Second

// turns decides when somebody who writes one transaction after the other lets
// everybody else have a turn. Its zero value is ready for use.
type turns struct {
	began time.Time // the first of the transactions without a break between them
	ended time.Time // the latest one
}

// wait returns how long to leave the ledger alone before the next transaction.
// running says that another process sends mails, which is let in after each.
func (t *turns) wait(now time.Time, running bool) time.Duration {
	quiet := now.Sub(t.ended)
	if quiet < turn && !running && t.ended.Sub(t.began) < mostInARow {
		return 0
	}
	left := min(max(turn-quiet, 0), turn)
	t.began = now.Add(left)
	return left
}

// wrote notes that a transaction ended.
func (t *turns) wrote(now time.Time) { t.ended = now }
