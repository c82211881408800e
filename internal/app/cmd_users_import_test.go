package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"alta/store"
)

// However many rows are bad, JSON lists a bounded number of problems and counts
// them all.
func TestImportListsABoundedNumberOfProblems(t *testing.T) {
	w := newWorld(t, time.Now)
	const bad = mostListed + 5
	var rows strings.Builder
	rows.WriteString("id,email,name,country\n")
	for i := range bad {
		fmt.Fprintf(&rows, "u-%d,nobody,Ana,MX\n", i)
	}
	check(t, os.WriteFile(w.path("users.csv"), []byte(rows.String()), 0o600))
	var answer imported
	check(t, json.Unmarshal([]byte(w.alta(exitFailed, "users", "import", "--json", w.path("users.csv"))), &answer))
	if answer.Bad != bad || len(answer.Problems) != mostListed {
		t.Errorf("%d bad rows, %d problems listed", answer.Bad, len(answer.Problems))
	}
}

// Whatever ends the reading, the rows before it count, those of batches that were
// written meanwhile and those of the one that was not full.
func TestAnImportThatBreaksOffKeepsWhatItRead(t *testing.T) {
	broken := errors.New("the line is dead")
	const rows = 2*batchSize + 7
	for _, c := range []struct {
		it   string
		end  func(cancel context.CancelFunc) error // how the input ends
		want int                                   // users in the ledger, at least
		err  error
	}{
		{"the input ends", func(context.CancelFunc) error { return io.EOF }, rows, nil},
		{"the input breaks off", func(context.CancelFunc) error { return broken }, rows, broken},
		{"alta is told to stop", func(cancel context.CancelFunc) error { cancel(); return io.EOF }, 0, context.Canceled},
	} {
		t.Run(c.it, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var text strings.Builder
			text.WriteString("id,email,name,country\n")
			for i := range rows {
				fmt.Fprintf(&text, "u-%d,u%d@example.com,Ana,MX\n", i, i)
			}
			s, err := store.Open(t.Context(), t.TempDir()+"/alta.db")
			check(t, err)
			defer func() { check(t, s.Close()) }()
			var out bytes.Buffer
			a := &app{
				in:  io.MultiReader(strings.NewReader(text.String()), readerFunc(func([]byte) (int, error) { return 0, c.end(cancel) })),
				out: &out, screen: &screen{out: io.Discard}, now: time.Now, config: &Config{},
			}
			err = a.importUsers(ctx, fileLedger{s}, "-", true)
			if c.err == nil && err != nil || !errors.Is(err, c.err) {
				t.Errorf("error is %v, want %v", err, c.err)
			}
			var answer imported
			check(t, json.Unmarshal(out.Bytes(), &answer))
			kept := 0
			check(t, s.List(t.Context(), store.Filter{}, func(store.UserRecord) error { kept++; return nil }))
			if kept < c.want || kept != answer.Added {
				t.Errorf("%d users are in the ledger and %d were reported, want %d", kept, answer.Added, c.want)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
