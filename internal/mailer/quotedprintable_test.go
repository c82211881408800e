package mailer

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
)

func TestQuotedPrintable(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct{ sentence, text, want string }{
		{"Nothing stays nothing.", "", ""},
		{"ASCII stays as it is.", "Hola, Ana!", "Hola, Ana!"},
		{"An equals sign is encoded.", "a=b", "a=3Db"},
		{"Bytes of UTF-8 are encoded in capitals.", "ñ", "=C3=B1"},
		{"So is a byte that is no UTF-8.", "\xff\xc3", "=FF=C3"},
		{"Control characters are encoded.", "\x00\x0b\x7f", "=00=0B=7F"},
		{"LF, CRLF and CR end a line each.", "a\nb\r\nc\rd\n\re", "a\r\nb\r\nc\r\nd\r\n\r\ne"},
		{"A blank within a line stays.", "a b\tc", "a b\tc"},
		{"A blank at the end of a line is encoded.", "a \nb\t\r\nc  ", "a=20\r\nb=09\r\nc =20"},
		{"A blank alone on its line is encoded.", "\n \n\t", "\r\n=20\r\n=09"},
		{"75 bytes fit.", x(75) + "\n" + x(75), x(75) + "\r\n" + x(75)},
		{"The 76th goes on the next line.", x(76), x(75) + "=\r\nx"},
		{"A triple is not broken.", x(73) + "=", x(73) + "=\r\n=3D"},
		{"A triple that fits stays.", x(72) + "=", x(72) + "=3D"},
		{"Neither is a character of two bytes.", x(70) + "ñ", x(70) + "=\r\n=C3=B1"},
		{"Neither is one of three.", x(67) + "€", x(67) + "=\r\n=E2=82=AC"},
		{"Neither is one of four.", x(64) + "👩", x(64) + "=\r\n=F0=9F=91=A9"},
		{"A character that fits stays.", x(63) + "👩", x(63) + "=F0=9F=91=A9"},
		{"A last blank that no longer fits when encoded goes on the next line.", x(74) + " ", x(74) + "=\r\n=20"},
		{"A last blank that fits when encoded stays.", x(73) + " \n", x(73) + "=20\r\n"},
		{"A blank before a soft line break stays.", x(74) + " x", x(74) + " =\r\nx"},
		{"A dot at the start of a line is encoded.", ".\n..a\nb.", "=2E\r\n=2E.a\r\nb."},
		{"So is one behind a soft line break.", x(75) + ".", x(75) + "=\r\n=2E"},
		{"From at the start of a line is encoded, other words are not.", "From a\nFromage", "=46rom a\r\nFromage"},
		{"So is one behind a soft line break.", x(75) + "From a", x(75) + "=\r\n=46rom a"},
		{"Two hyphens at the start of a line are encoded, one is not.", "--a\n-b\n-", "=2D-a\r\n-b\r\n-"},
		{"So are two behind a soft line break.", x(75) + "--", x(75) + "=\r\n=2D-"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := string(appendQuotedPrintable([]byte("before "), c.text)); got != "before "+c.want {
				t.Errorf("got  %q\nwant %q", got, "before "+c.want)
			}
			checkEncoded(t, c.text)
		})
	}
}

// checkEncoded holds for every text: another decoder reads it back, and its
// lines can travel.
func checkEncoded(t *testing.T, text string) {
	t.Helper()
	encoded := appendQuotedPrintable(nil, text)
	decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(encoded)))
	if err != nil || string(decoded) != canonical(text) {
		t.Errorf("%q encoded as %q is decoded as %q, %v", text, encoded, decoded, err)
	}
	for line := range strings.SplitSeq(string(encoded), "\r\n") {
		if len(line) > 76 {
			t.Errorf("%q has %d bytes", line, len(line))
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
			t.Errorf("%q is not printable ASCII", line)
		}
		if strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
			t.Errorf("%q ends with a blank", line)
		}
		for _, start := range []string{".", "--", "From "} {
			if strings.HasPrefix(line, start) {
				t.Errorf("%q begins with %q", line, start)
			}
		}
		triples := strings.Split(strings.TrimSuffix(line, "="), "=")
		for _, triple := range triples[1:] {
			if len(triple) < 2 || strings.Trim(triple[:2], "0123456789ABCDEF") != "" {
				t.Errorf("%q has a broken triple", line)
			}
		}
	}
}

// canonical is text with CRLF for each line break.
func canonical(text string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(text)
}

// FuzzQuotedPrintable finds a text that is not read back, or one with a line
// that can't travel as it is.
func FuzzQuotedPrintable(f *testing.F) {
	for _, text := range []string{
		"", " ", "=", "\r", "\n.\n", ".\r\n.", "a \r\nb\t", "From \rFrom ", "--\n--", "\xc3", "ñ\xf0\x9f", "=20\r\n=\r\n",
		strings.Repeat("ñ", 40), strings.Repeat("x", 74) + " ", strings.Repeat("x", 75) + ".\n", strings.Repeat(" ", 200), strings.Repeat("👩‍💻", 9),
	} {
		f.Add(text)
	}
	f.Fuzz(checkEncoded)
}

func BenchmarkEncode(b *testing.B) {
	m := sample(b).Message
	b.Run("own", func(b *testing.B) {
		var dst []byte
		b.ReportAllocs()
		b.SetBytes(int64(len(m.Text) + len(m.HTML)))
		for b.Loop() {
			dst = appendQuotedPrintable(appendQuotedPrintable(dst[:0], m.Text), m.HTML)
		}
	})
	b.Run("library", func(b *testing.B) {
		var dst bytes.Buffer
		b.ReportAllocs()
		b.SetBytes(int64(len(m.Text) + len(m.HTML)))
		for b.Loop() {
			dst.Reset()
			for _, text := range []string{m.Text, m.HTML} {
				w := quotedprintable.NewWriter(&dst)
				if _, err := io.WriteString(w, text); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
