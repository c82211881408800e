// Package roster reads users from outside: CSV, JSON Lines, and the partner's
// own SQLite database. Each row becomes a validated [pipeline.User] or a list
// of problems that name the line, the column and what was expected.
//
// Nothing from outside is trusted: rows and values are bounded, text is
// checked, and a bad row never costs a good one. Memory is constant whatever
// the size of the source. Ids are therefore not compared with each other; of
// two rows with the same id the later one wins in the ledger.
package roster

import (
	"io"

	"alta/pipeline"
)

// Row is one good row.
type Row struct {
	Line int // as an editor shows it, from 1; for SQLite the number of the row
	User pipeline.User
}

// Read reads CSV or JSON Lines: a text whose first character is "{" is
// JSON Lines. It calls each for every good row and bad for every problem of a
// bad row, in the order of the lines.
//
// An error from each stops the reading and is returned as it is. Any other
// error means that the file as a whole can't be read, and says what was
// expected.
func Read(r io.Reader, each func(Row) error, bad func(Problem)) error {
	lines := newLineReader(r)
	first, err := lines.begin()
	if err != nil {
		return err
	}
	if isObject(first) {
		return readJSONLines(lines, newSink(each, bad))
	}
	return readCSV(lines, newSink(each, bad))
}

// ReadCSV is [Read] for a text that is known to be CSV.
func ReadCSV(r io.Reader, each func(Row) error, bad func(Problem)) error {
	lines := newLineReader(r)
	if _, err := lines.begin(); err != nil {
		return err
	}
	return readCSV(lines, newSink(each, bad))
}

// ReadJSONLines is [Read] for a text that is known to be JSON Lines.
func ReadJSONLines(r io.Reader, each func(Row) error, bad func(Problem)) error {
	lines := newLineReader(r)
	if _, err := lines.begin(); err != nil {
		return err
	}
	return readJSONLines(lines, newSink(each, bad))
}
