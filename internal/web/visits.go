package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"alta/pipeline"
)

// VisitLedger keeps what came to lasting links.
type VisitLedger interface {
	CountVisits(ctx context.Context, visits []pipeline.Visit) error
}

const (
	// flushEvery is how often visits go to the ledger, all of them in one transaction:
	// a scanner that fetches a thousand links must not be a thousand commits.
	flushEvery = time.Second
	// flushLimit bounds one of them.
	flushLimit = 5 * time.Second
	// mostVisits bounds what is kept while the ledger takes nothing: 10,000 links,
	// kinds and hours are about 1 MB.
	mostVisits = 10_000
)

// Visits counts what comes to lasting links. It keeps the counts for up to a
// second, so that a page waits for no commit; one that the ledger does not take is
// kept and tried again. It is safe for concurrent use, until it is closed.
type Visits struct {
	ledger VisitLedger
	log    *slog.Logger
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	counts  map[visitKey]visitCount
	dropped int // since the latest flush
}

// visitKey tells apart what the ledger counts apart: an hour has a row of its own.
type visitKey struct {
	link int64
	kind pipeline.VisitKind
	hour time.Time
}

type visitCount struct {
	n  int
	at time.Time // the latest
}

// NewVisits begins to count. Close ends it.
func NewVisits(ledger VisitLedger, log *slog.Logger) *Visits {
	v := &Visits{ledger: ledger, log: log, stop: make(chan struct{}), done: make(chan struct{}), counts: map[visitKey]visitCount{}}
	go v.run()
	return v
}

// Count counts one visit.
func (v *Visits) Count(link int64, kind pipeline.VisitKind, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(visitKey{link, kind, at.UTC().Truncate(time.Hour)}, visitCount{1, at})
}

// Close writes what is left, and must come after the last Count. Its error says
// how many visits the ledger did not take.
func (v *Visits) Close() error {
	close(v.stop)
	<-v.done
	left, err := v.flush()
	if err != nil {
		return fmt.Errorf("%d visits are not counted: %w", left, err)
	}
	return nil
}

func (v *Visits) run() {
	defer close(v.done)
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-v.stop:
			return
		case <-ticker.C:
		}
		left, err := v.flush()
		switch {
		case err != nil && !failing:
			v.log.Warn("the ledger takes no visits; they are kept, and tried again each second", "visits", left, "error", err)
		case err == nil && failing:
			v.log.Info("the ledger takes visits again")
		}
		failing = err != nil
	}
}

// flush writes all counts, or returns how many visits it could not.
func (v *Visits) flush() (left int, err error) {
	counts, dropped := v.take()
	if dropped > 0 {
		v.log.Warn("more links were visited than are kept while the ledger takes none; some visits are not counted", "visits", dropped)
	}
	if len(counts) == 0 {
		return 0, nil
	}
	visits := make([]pipeline.Visit, 0, len(counts))
	for key, c := range counts {
		visits = append(visits, pipeline.Visit{LinkID: key.link, Kind: key.kind, N: c.n, At: c.at})
		left += c.n
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), flushLimit, errors.New("the ledger took too long"))
	defer cancel()
	if err := v.ledger.CountVisits(ctx, visits); err != nil {
		v.giveBack(counts)
		return left, fmt.Errorf("count visits: %w", err)
	}
	return 0, nil
}

func (v *Visits) take() (counts map[visitKey]visitCount, dropped int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	counts, dropped = v.counts, v.dropped
	v.counts, v.dropped = map[visitKey]visitCount{}, 0
	return counts, dropped
}

func (v *Visits) giveBack(counts map[visitKey]visitCount) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, c := range counts {
		v.add(key, c)
	}
}

// add adds to a count, or drops what would be one too many.
func (v *Visits) add(key visitKey, c visitCount) {
	was, known := v.counts[key]
	if !known && len(v.counts) >= mostVisits {
		v.dropped += c.n
		return
	}
	if was.at.After(c.at) {
		c.at = was.at
	}
	v.counts[key] = visitCount{was.n + c.n, c.at}
}
