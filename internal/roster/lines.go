package roster

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// maxRow is the longest row, in octets. A user needs a few hundred.
const maxRow = 64 << 10

const reasonTooLong = "is longer than 64 KiB"

// line is one line of a text file.
type line struct {
	number int    // from 1
	text   []byte // with its line end; only the beginning if the line is too long
	long   bool   // longer than maxRow
}

func (l line) blank() bool { return len(bytes.TrimSpace(l.text)) == 0 && !l.long }

func (l line) clone() line {
	l.text = slices.Clone(l.text)
	return l
}

// lineReader reads bounded lines and takes lines back to be read again.
type lineReader struct {
	r       *bufio.Reader
	number  int
	pending []line
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxRow+len("\r\n"))}
}

// begin skips blank lines and returns the first line with text without using
// it up. It fails when the source is not UTF-8 text.
func (l *lineReader) begin() (line, error) {
	for {
		first, err := l.next()
		if err == io.EOF {
			return line{}, fmt.Errorf("the file is empty: expected JSON Lines or CSV with a header, %s", expected())
		}
		if err != nil {
			return line{}, err
		}
		if first.blank() {
			continue
		}
		if err := checkText(first.text); err != nil {
			return line{}, err
		}
		first = first.clone()
		l.unread(first)
		return first, nil
	}
}

// next returns io.EOF after the last line. The text is valid until the next
// call.
func (l *lineReader) next() (line, error) {
	if len(l.pending) > 0 {
		next := l.pending[0]
		l.pending = l.pending[1:]
		return next, nil
	}
	text, err := l.r.ReadSlice('\n')
	if len(text) > 0 {
		l.number++
	}
	if l.number == 1 {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	next := line{number: l.number, text: text}
	if errors.Is(err, bufio.ErrBufferFull) || len(bytes.TrimRight(text, "\r\n")) > maxRow {
		next.long, next.text = true, slices.Clone(text[:512])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
	}
	switch {
	case err != nil && err != io.EOF:
		return line{}, fmt.Errorf("read after line %d: %w", l.number, err)
	case err == io.EOF && len(text) == 0:
		return line{}, io.EOF
	}
	return next, nil
}

// unread puts lines back in front, in their order. They must not share memory
// with what next returned.
func (l *lineReader) unread(lines ...line) { l.pending = append(lines, l.pending...) }

// checkText recognizes by its first bytes what people hand in by mistake.
func checkText(text []byte) error {
	for _, known := range []struct{ magic, advice string }{
		{"\xff\xfe", "the file is UTF-16 text: save it as UTF-8"},
		{"\xfe\xff", "the file is UTF-16 text: save it as UTF-8"},
		{"SQLite format 3\x00", "the file is a SQLite database: set it as source.sqlite in the configuration"},
		{"PK\x03\x04", "the file is a spreadsheet or a ZIP archive: save it as CSV in UTF-8"},
		{"\x1f\x8b", "the file is compressed with gzip: unpack it first"},
	} {
		if bytes.HasPrefix(text, []byte(known.magic)) {
			return errors.New(known.advice)
		}
	}
	start := text[:min(len(text), 512)]
	if bytes.IndexByte(start, 0) >= 0 {
		return errors.New("the file is not UTF-8 text: expected JSON Lines or CSV with a header")
	}
	return nil
}

// validText tells whether the line is UTF-8 without control characters other
// than white space.
func validText(text []byte) bool {
	control := func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' }
	return utf8.Valid(text) && bytes.IndexFunc(text, control) < 0
}
