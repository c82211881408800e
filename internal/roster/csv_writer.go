package roster

import (
	"io"

	"alta/pipeline"
)

// CSVWriter writes users as CSV (RFC 4180) with the columns that [Read] knows,
// and Read gives the same users back. Cells that a spreadsheet program would
// run as formulas are guarded by an apostrophe: whoever signs up chooses the
// name.
type CSVWriter struct{ cells *CSVCells }

// NewCSVWriter begins with the header. Errors come with the next write, or with
// [CSVWriter.Flush].
func NewCSVWriter(out io.Writer) *CSVWriter {
	return &CSVWriter{NewCSVCells(out, columns()...)}
}

// Write writes one user. It is buffered.
func (w *CSVWriter) Write(u pipeline.User) error {
	f := fieldsOf(u)
	cells := make([]string, 0, len(columns()))
	for _, column := range columns() {
		cells = append(cells, *f.cell(column))
	}
	return w.cells.Write(cells...)
}

// Flush writes what is still buffered and returns the first error of all.
func (w *CSVWriter) Flush() error { return w.cells.Flush() }

func fieldsOf(u pipeline.User) Fields {
	return Fields{
		ID: u.ID, Email: u.Email, Name: u.Name, Country: string(u.Country), ExternalID: u.ExternalID,
		Locale: string(u.Locale), TimeZone: u.TimeZone, Type: string(u.Type), Status: string(u.Status),
	}
}
