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
		if cells, err = split(text, c.comma); err != nil {
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

// split takes one record apart.
func split(record []byte, comma rune) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(record))
	r.Comma = comma
	r.FieldsPerRecord = -1
	return r.Read()
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
