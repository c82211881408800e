package roster

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// checkResult holds for every source: good rows validate again to the same
// user, lines never go back, and reasons are safe to show in one line.
func checkResult(t *testing.T, got result) {
	t.Helper()
	last := 0
	for _, row := range got.rows {
		again, problems := Validate(fieldsOf(row.User))
		if len(problems) > 0 {
			t.Fatalf("line %d was good and is not: %v", row.Line, problems)
		}
		if diff := cmp.Diff(row.User, again); diff != "" {
			t.Fatalf("line %d validates to another user:\n%s", row.Line, diff)
		}
		if row.Line <= last {
			t.Fatalf("line %d after line %d", row.Line, last)
		}
		last = row.Line
	}
	last = 0
	for _, p := range got.problems {
		if p.Reason == "" || !utf8.ValidString(p.Reason) || strings.ContainsAny(p.Reason, "\r\n\x00\x1b") {
			t.Fatalf("reason %q", p.Reason)
		}
		if p.Line < last || p.Line < 1 {
			t.Fatalf("problem of line %d after line %d", p.Line, last)
		}
		last = p.Line
	}
}

func reported(got result) map[int]bool {
	lines := map[int]bool{}
	for _, row := range got.rows {
		lines[row.Line] = true
	}
	for _, p := range got.problems {
		lines[p.Line] = true
	}
	return lines
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(ana + beto))
	f.Add([]byte("x,x@example.mx,\"Xu,MX\n" + ana + "y,\"y@example.mx,Yi,MX\n" + beto))
	f.Add([]byte("a1,ana@example.mx,\"Ana\r\nMaría\",MX\r\n\r\n,,,\n"))
	f.Add([]byte("a1,ana@example.mx,Ana,MX,,\n,,,\n , \n,,,,,,\n"))
	f.Add([]byte("a1,ana@piñata.mx,\"\"\"\",do\n\xff,\x00,\u202e,\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got result
		if err := ReadCSV(io.MultiReader(strings.NewReader(head), bytes.NewReader(body)), got.each, got.bad); err != nil {
			t.Fatal(err)
		}
		checkResult(t, got)
		// Without quotes a row is a line, so that each line with text is
		// either good or bad. With quotes, what encoding/csv reads without an
		// error must come out the same here.
		seen := reported(got)
		if !bytes.ContainsRune(body, '"') {
			for i, text := range bytes.Split(body, []byte("\n")) {
				// A line of empty cells is none.
				if len(bytes.TrimSpace(bytes.ReplaceAll(text, []byte(","), nil))) > 0 != seen[i+2] {
					t.Fatalf("line %d %q: reported %v", i+2, text, seen[i+2])
				}
			}
			return
		}
		r := csv.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(body)))
		r.FieldsPerRecord = -1
		records, err := r.ReadAll()
		if err != nil || len(body) > maxRow {
			return
		}
		good := 0
		for _, cells := range records[1:] {
			for len(cells) > 4 && strings.TrimSpace(cells[len(cells)-1]) == "" {
				cells = cells[:len(cells)-1]
			}
			if len(cells) != 4 {
				continue
			}
			for i, cell := range cells {
				cells[i] = unguardFormula(cell)
			}
			if _, problems := Validate(header{"id", "email", "name", "country"}.fields(cells)); len(problems) == 0 {
				good++
			}
		}
		if good != len(got.rows) {
			t.Fatalf("%d good rows, encoding/csv has %d", len(got.rows), good)
		}
	})
}

// FuzzSplit takes records apart in a row, as a reader of its own does each.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("a,,b\r\n"), []byte("\"a\"\"\",b\n"), []byte("x,\"y\nz\""))
	f.Add([]byte("a,\"b"), []byte("\"a\"b,c\n"), []byte("\"a\"\nb,\"c\"\n"))
	f.Add([]byte("a;b\r"), []byte("\r\r\n"), []byte("\"\"\r\n"))
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		c := csvReader{comma: ','}
		for _, record := range [][]byte{one, two, three, one} {
			end := bytes.IndexByte(record, '\n')
			if (line{text: record}).blank() || end >= 0 && end < len(record)-1 && !bytes.ContainsRune(record, '"') {
				continue // no record: that is decided before
			}
			want, wantErr := split(record, c.comma)
			got, err := c.split(record)
			if err != nil || wantErr != nil {
				if err == nil || wantErr == nil || quoteReason(err) != quoteReason(wantErr) {
					t.Fatalf("%q gives error %v, want %v", record, err, wantErr)
				}
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q:\n%s", record, diff)
			}
		}
	})
}

// FuzzUsualAddress finds addresses that the short way reads otherwise than the
// parsers do.
func FuzzUsualAddress(f *testing.F) {
	for _, s := range []string{
		"Ana.P+kyc@EXAMPLE.Mx", "ana@xn--piata-pta.mx", "ana@a--b.mx", "a.@b.mx", "a..b@c.mx", "ana@127.1", "ana@a-.mx", "ana@-a.mx", "x@a.b.", "@a.mx",
		strings.Repeat("x", 65) + "@a.mx", "a@" + strings.Repeat("x", 64) + ".mx", "a@b@c.mx", "a@" + strings.Repeat("abc.", 63) + "mx",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, usual := usualAddress(s)
		if !usual {
			return
		}
		if want, err := parsedAddress(s); err != nil || got != want {
			t.Fatalf("%q gives %q, the parsers %q, %v", s, got, want, err)
		}
	})
}

func FuzzReadJSONLines(f *testing.F) {
	f.Add([]byte(object("") + object(`,"locale":null,"type":"business"`)))
	f.Add([]byte("{\n\n{}{}\n[1]\nnull\n\"\xff\"\n"))
	f.Add([]byte(object(`,"Id":"a2"`) + object(`,"x\u001b":[{}]`) + object(",\"external_id\":\"\xf1\"")))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got result
		if err := ReadJSONLines(bytes.NewReader(body), got.each, got.bad); err != nil {
			if len(got.rows)+len(got.problems) > 0 {
				t.Fatalf("%v after the first line", err)
			}
			return
		}
		checkResult(t, got)
		seen := reported(got)
		for i, text := range bytes.Split(bytes.TrimPrefix(body, []byte("\ufeff")), []byte("\n")) {
			if len(bytes.TrimSpace(text)) > 0 != seen[i+1] {
				t.Fatalf("line %d %q: reported %v", i+1, text, seen[i+1])
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\ufeff" + strings.ReplaceAll(head+ana, ",", ";")))
	f.Add([]byte("\n" + object("")))
	f.Add([]byte("name\tID\temail\tcountry\n\"\"\t\"\n"))
	f.Add([]byte("\xff\xfei\x00d\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var got result
		err := Read(bytes.NewReader(text), got.each, got.bad)
		if err != nil && len(got.rows)+len(got.problems) > 0 {
			t.Fatalf("%v after the header", err)
		}
		checkResult(t, got)
	})
}

func FuzzValidate(f *testing.F) {
	f.Add("a1", "ana@example.mx", "Ana", "MX", "", "", "", "", "")
	f.Add("..", `"ana p"@PIÑATA.mx`, "\u202e", "do", "77", "es_do", "America/Tijuana", "business", "erased")
	f.Add("\xff", "Ana <ana@example.mx>", " ", "US", "\x00", "en", "../etc/passwd", "x", "Opted_Out")
	f.Fuzz(func(t *testing.T, id, email, name, country, external, locale, zone, kind, status string) {
		u, problems := Validate(Fields{id, email, name, country, external, locale, zone, kind, status})
		got := result{}
		if len(problems) == 0 {
			got.rows = []Row{{1, u}}
		}
		for _, p := range problems {
			got.bad(Problem{1, p.Column, p.Reason})
		}
		checkResult(t, got)
	})
}

// FuzzOneStatement finds queries whose remainder would be run or dropped.
func FuzzOneStatement(f *testing.F) {
	f.Add("SELECT 'a;''b' -- ;\n; /* ; */")
	f.Add("SELECT 1; SELECT 2")
	f.Fuzz(func(t *testing.T, query string) {
		got, err := oneStatement(query)
		if err != nil {
			return
		}
		if !strings.HasPrefix(query, got) {
			t.Fatalf("%q is not the beginning of %q", got, query)
		}
		if again, err := oneStatement(got); err != nil || again != got {
			t.Fatalf("%q gives %q, %v", got, again, err)
		}
	})
}
