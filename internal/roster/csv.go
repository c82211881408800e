package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// csvReader reads records of RFC 4180. encoding/csv takes each record apart;
// where a record ends is decided here, so that a quote that somebody forgot to
// close costs its own row only. In a well-formed record that is at the first
// line end after an even number of quotes.
type csvReader struct {
	lines *lineReader
	comma rune
	sink  sink

	cells  []string // of the latest record without quotes; their room is used again
	quoted quotedReader
}

func readCSV(lines *lineReader, s sink) error {
	h, comma, err := readCSVHeader(lines)
	if err != nil {
		return err
	}
	c := csvReader{lines: lines, comma: comma, sink: s}
	for {
		first, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = c.record(h, first)
		}
		if err != nil {
			return err
		}
	}
}

// readCSVHeader finds out the delimiter, too: Excel writes semicolons where
// the comma is the decimal sign, and copied cells are separated by tabs. The
// delimiter that yields most of the known columns is the right one.
func readCSVHeader(lines *lineReader) (header, rune, error) {
	first, err := lines.next()
	if err != nil {
		return nil, 0, err
	}
	at := func(err error) error { return fmt.Errorf("line %d, the CSV header: %w", first.number, err) }
	text := bytes.TrimSpace(first.text)
	switch {
	case first.long:
		return nil, 0, at(fmt.Errorf("%s: %s", reasonTooLong, expected()))
	case text[0] == '[':
		return nil, 0, errors.New("the file begins with [ as a JSON array does: expected JSON Lines, one object a line, or CSV")
	case !validText(text):
		return nil, 0, at(fmt.Errorf("is not UTF-8 text: %s", expected()))
	case bytes.IndexByte(text, '\r') >= 0:
		return nil, 0, at(errors.New("the lines end with CR alone: save the file with line ends LF or CRLF"))
	}
	var names []string
	comma, most := ',', -1
	for _, candidate := range []rune{',', ';', '\t'} {
		cells, err := split(first.text, candidate)
		if err != nil {
			continue
		}
		if n := countKnown(cells); n > most {
			names, comma, most = cells, candidate, n
		}
	}
	if most < 0 {
		return nil, 0, at(fmt.Errorf("its quotes are not closed: %s", expected()))
	}
	if most == 0 {
		return nil, 0, at(fmt.Errorf("has none of the columns, so it may be missing: %s", expected()))
	}
	h, err := newHeader(trimEmpty(names, 0))
	if err != nil {
		return nil, 0, at(err)
	}
	return h, comma, nil
}

func countKnown(names []string) int {
	n := 0
	for _, column := range columns() {
		if slices.ContainsFunc(names, func(name string) bool { return columnName(name) == column }) {
			n++
		}
	}
	return n
}

// record reads the record that begins in the given line.
func (c *csvReader) record(h header, first line) error {
	if first.blank() {
		return nil
	}
	if first.long {
		c.sink.refuse(first.number, "", reasonTooLong)
		return nil
	}
	text, more, reason, err := c.gather(first)
	if err != nil {
		return err
	}
	var cells []string
	if reason == "" {
		if cells, err = c.split(text); err != nil {
			reason = quoteReason(err)
		}
	}
	if reason != "" {
		// The quotes are wrong, so the lines that follow are rows of their own.
		c.lines.unread(more...)
		c.sink.refuse(first.number, "", reason)
		return nil
	}
	// Spreadsheets write rows and columns that once held something as empty
	// cells: a row of nothing else is no row, and surplus ones hold nothing.
	if len(trimEmpty(cells, 0)) == 0 {
		return nil
	}
	cells = trimEmpty(cells, len(h))
	note := ""
	if len(more) > 0 {
		note = fmt.Sprintf(" (by its quotes the row goes on to line %d)", more[len(more)-1].number)
	}
	if len(cells) != len(h) {
		c.sink.refuse(first.number, "", fmt.Sprintf("has %d cells, but the header has %d%s", len(cells), len(h), note))
		return nil
	}
	for i, cell := range cells {
		cells[i] = unguardFormula(cell)
	}
	return c.sink.row(first.number, h.fields(cells), note)
}

// gather appends lines until the quotes are even. It returns the whole text
// and the lines after the first, or a reason why the record has no end.
func (c *csvReader) gather(first line) (text []byte, more []line, reason string, err error) {
	if evenQuotes(first.text) {
		return first.text, nil, "", nil
	}
	first = first.clone()
	if _, err := split(first.text, c.comma); errors.Is(err, csv.ErrBareQuote) {
		return nil, nil, quoteReason(err), nil
	}
	text = first.text
	for {
		next, err := c.lines.next()
		if err == io.EOF {
			return nil, more, "a quote in this line is never closed", nil
		}
		if err != nil {
			return nil, nil, "", err
		}
		next = next.clone()
		more = append(more, next)
		if next.long || len(text)+len(next.text) > maxRow {
			return nil, more, "a quote in this line is not closed within 64 KiB", nil
		}
		text = append(text, next.text...)
		if !evenQuotes(next.text) {
			return text, more, "", nil
		}
	}
}

func evenQuotes(text []byte) bool { return bytes.Count(text, []byte{'"'})%2 == 0 }

// split takes one record apart. The cells are valid until the next call. What
// has no quotes needs no reader: encoding/csv cuts it at each delimiter, too.
func (c *csvReader) split(record []byte) ([]string, error) {
	if bytes.IndexByte(record, '"') >= 0 {
		return c.quoted.split(record, c.comma)
	}
	rest, comma := strings.TrimSuffix(strings.TrimSuffix(string(record), "\n"), "\r"), string(c.comma)
	c.cells = c.cells[:0]
	for {
		cell, more, found := strings.Cut(rest, comma)
		c.cells = append(c.cells, cell)
		if !found {
			return c.cells, nil
		}
		rest = more
	}
}

// quotedReader takes records apart one by one as split does, with one reader for
// all of them. Its zero value is ready for use.
type quotedReader struct {
	csv    *csv.Reader
	record bytes.Reader
	offset int64 // of the end of the latest record, in all text that csv has seen
}

// split is the function of that name. A reader that has not used up a record,
// good or bad, would go on in its middle with the next one, so it is dropped.
func (q *quotedReader) split(record []byte, comma rune) ([]string, error) {
	q.record.Reset(record)
	if q.csv == nil {
		q.csv, q.offset = newCSVReader(&q.record, comma), 0
		q.csv.ReuseRecord = true
	}
	cells, err := q.csv.Read()
	q.offset += int64(len(record))
	if err != nil || q.csv.InputOffset() != q.offset {
		q.csv = nil
	}
	return cells, err
}

// split takes one record apart.
func split(record []byte, comma rune) ([]string, error) {
	return newCSVReader(bytes.NewReader(record), comma).Read()
}

func newCSVReader(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = comma
	c.FieldsPerRecord = -1
	return c
}

// trimEmpty cuts empty cells off the end, as long as more than least remain.
func trimEmpty(cells []string, least int) []string {
	for len(cells) > least && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}

func quoteReason(err error) string {
	if errors.Is(err, csv.ErrBareQuote) {
		return `has a quote (") inside a cell that has none around it: put the cell in quotes and double the quote`
	}
	return `has a quote (") that is not closed, or text after a closing quote`
}
