package templates

import (
	"strings"
	"unicode/utf8"
)

// maxLine is how long a line of text should be, RFC 5322, section 2.1.1.
const maxLine = 78

// plainText tidies a rendered text: spaces at the ends of lines go, several
// empty lines become one, and lines longer than maxLine break at spaces and tabs. A word
// is never broken, and a line that is one word is untouched: a link stays
// verbatim.
func plainText(text string) string {
	var out []string
	empty := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" && empty {
			continue
		}
		empty = line == ""
		out = append(out, breakLine(line)...)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
}

func breakLine(line string) []string {
	if utf8.RuneCountInString(line) <= maxLine {
		return []string{line}
	}
	var lines []string
	length := 0
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' }) {
		n := utf8.RuneCountInString(word)
		if len(lines) > 0 && length+1+n <= maxLine {
			lines[len(lines)-1] += " " + word
			length += 1 + n
			continue
		}
		lines = append(lines, word)
		length = n
	}
	return lines
}
