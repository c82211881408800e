package mailer

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line of a message without its CRLF (RFC 5322,
// section 2.1.1).
const maxLine = 998

// maxHeaderLine is where header lines are folded: the longest that may hold an
// encoded word, which then has the 75 bytes of its own limit (RFC 2047, section
// 2), and less than the 78 that RFC 5322 asks for.
const maxHeaderLine = 76

// fold goes on with a header field on the next line.
const fold = "\r\n "

// An encoded word stands between these. The encoding Q, not B, leaves text of
// Latin letters readable in logs and sources.
const (
	wordStart = "=?UTF-8?q?"
	wordEnd   = "?="
)

// field is a header field that is being written: of text that headerText let
// pass or of an address, so that the only line breaks are folds.
type field struct {
	dst    []byte
	column int
}

// appendText appends a field of unstructured text (RFC 5322, section 3.6.5).
func appendText(dst []byte, name, text string) []byte {
	f := begin(dst, name)
	if needsEncoding(text) {
		f.encodedWords(text)
	} else {
		f.words(text)
	}
	return append(f.dst, "\r\n"...)
}

// appendAddress appends a field of one address (RFC 5322, section 3.4).
func appendAddress(dst []byte, name string, a address) []byte {
	f := begin(dst, name)
	switch {
	case a.Name == "":
	case needsEncoding(a.Name):
		f.encodedWords(a.Name)
	default:
		f.words(quoted(a.Name))
	}
	f.word(a.path())
	return append(f.dst, "\r\n"...)
}

func begin(dst []byte, name string) field {
	dst = append(append(dst, name...), ':')
	return field{dst, len(name) + 1}
}

// words writes text and folds it at its spaces.
func (f *field) words(text string) {
	if text == "" {
		return
	}
	for word := range strings.SplitSeq(text, " ") {
		f.word(word)
	}
}

// word writes a space or a fold, and then the word.
func (f *field) word(word string) {
	if f.column+1+len(word) > maxHeaderLine {
		f.dst, f.column = append(f.dst, fold...), 1
	} else {
		f.dst, f.column = append(f.dst, ' '), f.column+1
	}
	f.dst = append(f.dst, word...)
	f.column += len(word)
}

// encodedWords writes text as encoded words, each of which holds whole
// characters (RFC 2047, section 5). It encodes all that a word in a name may not
// hold, so that the words are right in every field.
func (f *field) encodedWords(text string) {
	f.dst = append(append(f.dst, ' '), wordStart...)
	f.column += 1 + len(wordStart)
	for i := 0; i < len(text); {
		n, width := 1, 1
		if !isWordByte(text[i]) {
			_, n = utf8.DecodeRuneInString(text[i:])
			width = 3 * n
		}
		if f.column+width+len(wordEnd) > maxHeaderLine {
			f.dst = append(append(append(f.dst, wordEnd...), fold...), wordStart...)
			f.column = 1 + len(wordStart)
		}
		for _, c := range []byte(text[i : i+n]) {
			switch {
			case c == ' ':
				f.dst = append(f.dst, '_')
			case width == 1:
				f.dst = append(f.dst, c)
			default:
				f.dst = appendTriple(f.dst, c)
			}
		}
		f.column += width
		i += n
	}
	f.dst = append(f.dst, wordEnd...)
	f.column += len(wordEnd)
}

// needsEncoding tells whether text can't stand in a header as it is. What looks
// like an encoded word can't: programs would decode it, also within quotes, and
// show what nobody checked.
func needsEncoding(text string) bool {
	return !isASCII(text) || strings.Contains(text, "=?")
}

// isWordByte tells whether a byte takes one byte of an encoded word in a name
// (RFC 2047, section 5, rule 3). A space does, as an underscore.
func isWordByte(c byte) bool {
	return isAlphanumeric(rune(c)) || c == ' ' || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

// quoted is text as a quoted-string (RFC 5322, section 3.2.4).
func quoted(text string) string {
	text = strings.ReplaceAll(text, `\`, `\\`)
	return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
}

// checkHeader makes sure that a header can travel unchanged: its lines end with
// CRLF only, and none is too long. The body needs no check, since
// [appendQuotedPrintable] can't write any other.
func checkHeader(header []byte) error {
	start := 0
	for i, c := range header {
		switch {
		case c == '\n' && i > 0 && header[i-1] == '\r':
			if i-1-start > maxLine {
				return errors.New("a header is longer than 998 bytes without a space")
			}
			start = i + 1
		case c == '\n', c == 0, c == '\r' && (i+1 == len(header) || header[i+1] != '\n'):
			return errors.New("a bare CR, LF or NUL")
		}
	}
	if start != len(header) {
		return errors.New("a header without an end")
	}
	return nil
}
