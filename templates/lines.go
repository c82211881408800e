package templates

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// lines is a plain text as plainText leaves it, save for the lines that show a
// value: their length is known once the value is. No value holds the end of a
// line, and none is blank at its own end, so that whatever has no value in it is
// the same in all mails.
type lines struct {
	open []openLine
	rest string // what follows the last open line
}

// openLine is a line that shows values, without its end.
type openLine struct {
	before string // the lines before it, with their ends
	line   segments
}

// tidyLines does to a text with slots what plainText does to one without. It reports
// false for a text that is blank.
func tidyLines(text segments) (lines, bool) {
	var l lines
	var done strings.Builder // what stands before the next open line
	gap, begun := false, false
	end := func(line segments) {
		last := len(line.slots)
		line.texts[last] = strings.TrimRight(line.texts[last], " \t\r")
		if last == 0 && line.texts[0] == "" {
			gap = begun
			return
		}
		if gap {
			done.WriteByte('\n')
		}
		gap, begun = false, true
		if last == 0 {
			for _, part := range breakLine(line.texts[0]) {
				done.WriteString(part)
				done.WriteByte('\n')
			}
			return
		}
		l.open = append(l.open, openLine{before: done.String(), line: line})
		done.Reset()
		done.WriteByte('\n')
	}

	var line segments
	for i, between := range text.texts {
		parts := strings.Split(between, "\n")
		for _, part := range parts[:len(parts)-1] {
			line.texts = append(line.texts, part)
			end(line)
			line = segments{}
		}
		line.texts = append(line.texts, parts[len(parts)-1])
		if i < len(text.slots) {
			line.slots = append(line.slots, text.slots[i])
		}
	}
	end(line)
	l.rest = done.String()
	return l, begun
}

// join puts the values into the open lines and breaks those that got too long.
func (l *lines) join(f *filling) string {
	n := len(l.rest)
	for i := range l.open {
		n += len(l.open[i].before) + l.open[i].line.length(f)
	}
	var b strings.Builder
	b.Grow(n)
	var space [256]byte
	for i := range l.open {
		o := &l.open[i]
		b.WriteString(o.before)
		b.Write(breakInPlace(o.line.appendTo(space[:0], f)))
	}
	b.WriteString(l.rest)
	return b.String()
}

// size is how many bytes the constant texts have.
func (l *lines) size() int {
	n := len(l.rest)
	for _, o := range l.open {
		n += len(o.before) + o.line.length(&filling{})
	}
	return n
}

// holdAlone tells whether a line shows the value and nothing else.
func (l *lines) holdAlone(place slot) bool {
	return slices.ContainsFunc(l.open, func(o openLine) bool {
		return slices.Equal(o.line.slots, []slot{place}) && o.line.texts[0] == "" && o.line.texts[1] == ""
	})
}

// breakInPlace is breakLine for a line that may be overwritten. What it writes
// never overtakes what it reads, since there is a space before each further word.
func breakInPlace(line []byte) []byte {
	if utf8.RuneCount(line) <= maxLine {
		return line
	}
	out, length := line[:0], 0
	for rest := bytes.TrimLeft(line, " \t"); len(rest) > 0; rest = bytes.TrimLeft(rest, " \t") {
		end := bytes.IndexAny(rest, " \t")
		if end < 0 {
			end = len(rest)
		}
		n := utf8.RuneCount(rest[:end])
		switch {
		case len(out) == 0:
			length = n
		case length+1+n <= maxLine:
			out = append(out, ' ')
			length += 1 + n
		default:
			out = append(out, '\n')
			length = n
		}
		out = append(out, rest[:end]...)
		rest = rest[end:]
	}
	return out
}
