package roster

import (
	"encoding/csv"
	"io"
)

// CSVCells writes rows as CSV (RFC 4180) whose cells no spreadsheet program runs as
// a formula: an apostrophe stands before one that it would.
type CSVCells struct{ csv *csv.Writer }

// NewCSVCells begins with the header. Errors come with the next write, or with
// [CSVCells.Flush].
func NewCSVCells(out io.Writer, header ...string) *CSVCells {
	w := &CSVCells{csv.NewWriter(out)}
	_ = w.csv.Write(header)
	return w
}

// Write writes one row. It is buffered.
func (w *CSVCells) Write(cells ...string) error {
	guarded := make([]string, len(cells))
	for i, cell := range cells {
		guarded[i] = guardFormula(cell)
	}
	return w.csv.Write(guarded)
}

// Flush writes what is still buffered and returns the first error of all.
func (w *CSVCells) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
