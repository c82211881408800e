package mailer

import "strings"

// maxEncoded is the longest line of an encoded body (RFC 2045, section 6.7,
// rule 5), the sign of a soft line break included.
const maxEncoded = 76

// softBreak ends a line of an encoded body that is no line of the text.
const softBreak = "=\r\n"

// appendQuotedPrintable appends text as quoted-printable (RFC 2045, section
// 6.7). CR, LF and CRLF each end a line and become CRLF; no other byte changes
// when it is decoded.
//
// What it writes is ASCII in lines of at most 76 bytes, none of which ends with
// a blank, and the bytes of one character of UTF-8 stand on one line. No line
// begins with a dot, so that SMTP has nothing to double (RFC 5321, section
// 4.5.2); none with "From ", which mail boxes quote (RFC 4155); and none with
// two hyphens, so that no text can end its part of a multipart mail.
func appendQuotedPrintable(dst []byte, text string) []byte {
	const room = maxEncoded - 1 // a soft break must still fit
	column := 0
	for i := 0; i < len(text); {
		if column == 0 && endsSomething(text[i:]) {
			dst = appendTriple(dst, text[i])
			column = 3
			i++
			continue
		}
		line := text[i:min(len(text), i+room-column)]
		run := literals(line)
		dst = append(dst, line[:run]...)
		column += run
		i += run
		switch {
		case i == len(text):
		case text[i] == '\n' || text[i] == '\r':
			dst = append(encodeLastBlank(dst, column), "\r\n"...)
			column = 0
			if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			i++
		default:
			n := 1
			if !isLiteral(text[i]) {
				n = sequence(text[i:])
			}
			if column+3*n > room {
				dst = append(dst, softBreak...)
				column = 0
				continue
			}
			for range n {
				dst = appendTriple(dst, text[i])
				column += 3
				i++
			}
		}
	}
	return encodeLastBlank(dst, column)
}

// literals returns how many bytes at the start of text stand for themselves. It
// looks at eight of them at a time while it can, since most lines hold nothing
// else.
func literals(text string) int {
	const (
		ones = 0x0101010101010101
		tops = 0x80 * ones
	)
	n := 0
	for ; n+8 <= len(text); n += 8 {
		s := text[n : n+8]
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		// The top bit of a byte is set in one of these if the byte is not ASCII,
		// below a space, the sign "=", or 0x7f. A borrow from one byte to the next
		// only ever marks the neighbour of a byte that is marked itself.
		equals, deletes := x^'='*ones, x^0x7f*ones
		if (x|(x-' '*ones)|(equals-ones)&^equals|(deletes-ones)&^deletes)&tops != 0 {
			break
		}
	}
	for n < len(text) && isLiteral(text[n]) {
		n++
	}
	return n
}

// isLiteral tells whether a byte stands for itself. A blank does unless it is
// the last of its line, where servers take it away.
func isLiteral(c byte) bool {
	return c >= ' ' && c <= '~' && c != '=' || c == '\t'
}

// endsSomething tells whether a line may not begin with text as it is.
func endsSomething(text string) bool {
	switch text[0] {
	case '.':
		return true
	case '-':
		return strings.HasPrefix(text, "--")
	case 'F':
		return strings.HasPrefix(text, "From ")
	}
	return false
}

// sequence returns how many bytes at the start of text belong together: those
// of one character, or one if they are not UTF-8.
func sequence(text string) int {
	n := 1
	switch c := text[0]; {
	case c >= 0xf0:
		n = 4
	case c >= 0xe0:
		n = 3
	case c >= 0xc0:
		n = 2
	}
	for i := 1; i < n; i++ {
		if i == len(text) || text[i]&0xc0 != 0x80 {
			return 1
		}
	}
	return n
}

// encodeLastBlank encodes the blank that ends a line, which has the given
// length so far.
func encodeLastBlank(dst []byte, column int) []byte {
	if column == 0 {
		return dst
	}
	last := len(dst) - 1
	blank := dst[last]
	if blank != ' ' && blank != '\t' {
		return dst
	}
	dst = dst[:last]
	if column+2 > maxEncoded {
		dst = append(dst, softBreak...)
	}
	return appendTriple(dst, blank)
}

// appendTriple appends a byte as an equals sign and two hexadecimal digits.
func appendTriple(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '=', digits[c>>4], digits[c&15])
}
