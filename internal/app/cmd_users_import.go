package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/spf13/cobra"

	"alta/internal/roster"
	"alta/pipeline"
	"alta/store"
)

// mostListed bounds the problems that JSON lists, since they are kept in memory
// until the end; the count of bad rows has no bound.
const mostListed = 10_000

// collectAt is by how many percent the heap may grow until garbage is collected
// while users are imported.
const collectAt = 40

// imported is the answer of an import.
type imported struct {
	store.Enrolled
	Bad      int              `json:"bad"`      // rows that were skipped
	Problems []roster.Problem `json:"problems"` // the first mostListed
}

func (a *app) usersImportCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Take in users from CSV or JSON Lines",
		Long: `import reads CSV with a header line, or JSON Lines, from FILE or, for -, from
standard input. The columns id, email, name and country are required;
external_id, locale, time_zone, type and status are optional; their order is
free. Bad rows are listed with line, column and reason and are skipped; good rows
are kept. Importing again updates users and never doubles them.

Exit status: 0 all rows were good; 1 a row was bad, or the file can't be read.`,
		Example: `  alta users import users.csv
  psql -c "COPY (...) TO STDOUT CSV HEADER" | alta users import -

  id,email,name,country
  8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e,ana@example.mx,Ana Torres,MX`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s ledger) error {
				return a.importUsers(c.Context(), s, args[0], asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print counts and problems as JSON")
	return c
}

func (a *app) importUsers(ctx context.Context, s ledger, path string, asJSON bool) (err error) {
	in, size, err := a.openInput(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()

	// Most of the heap are users at hand, who stay for long. The usual pace of the
	// collector would let it grow to twice their size in between.
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))

	answer := imported{Problems: []roster.Problem{}}
	badLines := 0
	counted := &countingReader{r: in}
	bar := a.newBar("importing", size, progress.UnitsBytes)
	defer bar.stop()
	// While one batch is written the next one is read.
	writer := startBeside(a.enrolInTurns(ctx, s, func(soFar store.Enrolled, read int) {
		answer.Enrolled = soFar
		bar.set(read, fmt.Sprintf("importing, %d users", soFar.Added+soFar.Updated+soFar.Unchanged))
	}))
	batch := newBatch(func(users []pipeline.User) error { return writer.hand(portion{users, counted.n}) })
	near := newNeighbours(mostAtHand, batchSize, batch.add)
	last := 0
	err = roster.Read(counted, func(r roster.Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return near.add(r.User)
	}, func(p roster.Problem) {
		if p.Line != last {
			badLines++
			last = p.Line
		}
		if asJSON {
			if len(answer.Problems) < mostListed {
				answer.Problems = append(answer.Problems, p)
			}
			return
		}
		fmt.Fprintln(a.screen, p)
	})
	// What was good before the file broke off is kept.
	rest := near.flush()
	if rest == nil {
		rest = batch.flush()
	}
	if !errors.Is(err, rest) {
		err = errors.Join(err, rest)
	}
	if failed := writer.wait(); !errors.Is(err, failed) {
		err = errors.Join(err, failed)
	}
	bar.stop()
	if err != nil {
		err = fmt.Errorf("import %s: %w", path, err)
	}
	answer.Bad = badLines
	return errors.Join(err, a.printImported(answer, asJSON), badRows(answer))
}

// portion is a batch of users, and how many octets of the input were read by its
// end.
type portion struct {
	users []pipeline.User
	read  int
}

// enrolInTurns returns what takes portions in, each in a transaction of its own,
// and leaves the ledger to others now and then. done is told after each.
func (a *app) enrolInTurns(ctx context.Context, s ledger, done func(store.Enrolled, int)) func(portion) error {
	var t turns
	var sum store.Enrolled
	return func(p portion) error {
		idle, err := s.idle(ctx)
		running := err != nil || !idle // where nobody can tell, a run may wait
		if err := pause(ctx, t.wait(a.now(), running)); err != nil {
			return err
		}
		counts, err := s.Enrol(ctx, p.users, store.Imported, a.planner(), a.now())
		t.wrote(a.now())
		sum.Add(counts)
		done(sum, p.read)
		return err
	}
}

// pause returns early, with the reason, when the context ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (a *app) printImported(answer imported, asJSON bool) error {
	if asJSON {
		return a.printJSON(answer)
	}
	_, err := fmt.Fprintf(a.out, "%d added, %d updated, %d unchanged, %d bad rows skipped\n",
		answer.Added, answer.Updated, answer.Unchanged, answer.Bad)
	if err == nil && answer.Erased > 0 {
		_, err = fmt.Fprintf(a.out, "%d were erased before and are left alone\n", answer.Erased)
	}
	return err
}

// badRows is the exit status of an import that skipped rows. The list of them
// says the rest.
func badRows(answer imported) error {
	if answer.Bad > 0 {
		return &exitError{exitFailed, nil}
	}
	return nil
}

// openInput opens a file, or standard input for "-". size is 0 when nobody can
// know it.
func (a *app) openInput(path string) (in io.ReadCloser, size int, err error) {
	if path == "-" {
		return io.NopCloser(a.in), 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("import: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if info.IsDir() {
		return nil, 0, errors.Join(fmt.Errorf("import: %s is a folder", path), f.Close())
	}
	return f, int(info.Size()), nil
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
