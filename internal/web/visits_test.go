package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// tally is a ledger that takes visits, or does not.
type tally struct {
	mu      sync.Mutex
	fault   error
	batches [][]pipeline.Visit
}

func (l *tally) CountVisits(_ context.Context, visits []pipeline.Visit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != nil {
		return l.fault
	}
	slices.SortFunc(visits, func(a, b pipeline.Visit) int { return a.At.Compare(b.At) })
	l.batches = append(l.batches, visits)
	return nil
}

// taken is how many batches were taken.
func (l *tally) taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.batches)
}

func (l *tally) breaks(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = err
}

// Counts go to the ledger once a second, all in one batch, each link, kind and hour
// by itself, with the latest time.
func TestVisitsGoInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &tally{}
		v := NewVisits(ledger, quiet())
		at := today()
		v.Count(1, pipeline.Scanned, at.Add(2*time.Second))
		v.Count(1, pipeline.Scanned, at)
		v.Count(1, pipeline.Opened, at.Add(3*time.Second))
		v.Count(2, pipeline.Opened, at.Add(4*time.Second))
		v.Count(2, pipeline.Opened, at.Add(time.Hour))
		if ledger.taken() != 0 {
			t.Error("a visit went to the ledger by itself")
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		time.Sleep(3 * flushEvery)
		synctest.Wait()
		v.Count(3, pipeline.Minted, at)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		want := [][]pipeline.Visit{
			{
				{LinkID: 1, Kind: pipeline.Scanned, N: 2, At: at.Add(2 * time.Second)},
				{LinkID: 1, Kind: pipeline.Opened, N: 1, At: at.Add(3 * time.Second)},
				{LinkID: 2, Kind: pipeline.Opened, N: 1, At: at.Add(4 * time.Second)},
				{LinkID: 2, Kind: pipeline.Opened, N: 1, At: at.Add(time.Hour)},
			},
			{{LinkID: 3, Kind: pipeline.Minted, N: 1, At: at}},
		}
		if diff := cmp.Diff(want, ledger.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

// What the ledger does not take is kept, told once, and taken later.
func TestVisitsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ledger := &tally{fault: errors.New("disk I/O error")}
		v := NewVisits(ledger, slog.New(slog.NewTextHandler(&log, nil)))
		v.Count(1, pipeline.Opened, today())
		time.Sleep(3 * flushEvery)
		synctest.Wait()
		v.Count(1, pipeline.Opened, today().Add(time.Second))
		ledger.breaks(nil)
		time.Sleep(flushEvery)
		synctest.Wait()
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		want := [][]pipeline.Visit{{{LinkID: 1, Kind: pipeline.Opened, N: 2, At: today().Add(time.Second)}}}
		if diff := cmp.Diff(want, ledger.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if n := strings.Count(log.String(), "takes no visits"); n != 1 {
			t.Errorf("told %d times:\n%s", n, &log)
		}
		if !strings.Contains(log.String(), "takes visits again") {
			t.Errorf("the log does not say that it is over:\n%s", &log)
		}
	})
}

func TestVisitsThatAreLostAreTold(t *testing.T) {
	ledger := &tally{fault: errors.New("disk I/O error")}
	v := NewVisits(ledger, quiet())
	v.Count(1, pipeline.Opened, today())
	v.Count(2, pipeline.Opened, today())
	err := v.Close()
	if err == nil || !strings.Contains(err.Error(), "2 visits are not counted") || !errors.Is(err, ledger.fault) {
		t.Errorf("error %v", err)
	}
}

// While the ledger takes nothing, memory has a bound: links that are known are
// counted on, others are not, and the log says how many.
func TestVisitsHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ledger := &tally{fault: errors.New("disk I/O error")}
		v := NewVisits(ledger, slog.New(slog.NewTextHandler(&log, nil)))
		for i := range mostVisits + 5 {
			v.Count(int64(i), pipeline.Scanned, today())
		}
		v.Count(0, pipeline.Scanned, today())
		time.Sleep(flushEvery)
		synctest.Wait()
		v.Count(mostVisits+9, pipeline.Scanned, today())
		if len(v.counts) != mostVisits {
			t.Errorf("%d are kept", len(v.counts))
		}
		ledger.breaks(nil)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, visit := range ledger.batches[0] {
			n += visit.N
		}
		if n != mostVisits+1 {
			t.Errorf("%d are counted, want %d", n, mostVisits+1)
		}
		for _, want := range []string{"visits=5", "visits=1\n"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, &log)
			}
		}
	})
}
