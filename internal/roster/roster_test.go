package roster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	_ "time/tzdata" // the tests look zones up on machines without them

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"alta/pipeline"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(ownerEnv); path != "" {
		os.Exit(ownDatabase(path))
	}
	goleak.VerifyTestMain(m)
}

// result keeps what a source yielded.
type result struct {
	rows     []Row
	problems []Problem
}

func (r *result) each(row Row) error { r.rows = append(r.rows, row); return nil }
func (r *result) bad(p Problem)      { r.problems = append(r.problems, p) }

// lines lists the good rows as "line:id".
func (r *result) lines() string {
	var s []string
	for _, row := range r.rows {
		s = append(s, fmt.Sprintf("%d:%s", row.Line, row.User.ID))
	}
	return strings.Join(s, " ")
}

// reports lists the problems, one a line.
func (r *result) reports() string {
	var s []string
	for _, p := range r.problems {
		s = append(s, p.String())
	}
	return strings.Join(s, "\n")
}

const ana = "a1,ana@example.mx,Ana Peña,MX\n"
const beto = "b2,beto@example.do,Beto Cruz,DO\n"
const head = "id,email,name,country\n"

func anaUser() pipeline.User {
	return pipeline.User{ID: "a1", Email: "ana@example.mx", Name: "Ana Peña", Country: pipeline.MX}
}

// A source is tested by what it yields: good rows as "line:id", and the
// problems as they are shown.
type sourceTest struct {
	it       string
	text     string
	want     string
	problems string
}

func (tt sourceTest) run(t *testing.T, read func(io.Reader, func(Row) error, func(Problem)) error) {
	t.Helper()
	var got result
	if err := read(strings.NewReader(tt.text), got.each, got.bad); err != nil {
		t.Fatal(err)
	}
	if got.lines() != tt.want {
		t.Errorf("rows = %q, want %q", got.lines(), tt.want)
	}
	if diff := cmp.Diff(tt.problems, got.reports()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestReadSniffsTheFormat(t *testing.T) {
	object := `{"id":"a1","email":"ana@example.mx","name":"Ana Peña","country":"MX"}`
	for _, tt := range []struct{ it, text string }{
		{"reads CSV", head + ana},
		{"reads CSV after a byte order mark", "\ufeff" + head + ana},
		{"reads CSV after blank lines", "\n \r\n" + head + ana},
		{"reads CSV with CRLF", strings.ReplaceAll(head+ana, "\n", "\r\n")},
		{"reads CSV whose last line has no end", strings.TrimSuffix(head+ana, "\n")},
		{"reads an object as JSON Lines", object},
		{"reads JSON Lines after a byte order mark", "\ufeff" + object + "\r\n"},
		{"reads JSON Lines after blank lines and spaces", "\n\n  " + object},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			if err := Read(strings.NewReader(tt.text), got.each, got.bad); err != nil {
				t.Fatal(err)
			}
			if len(got.rows) != 1 || len(got.problems) != 0 {
				t.Fatalf("rows %v, problems %v", got.rows, got.problems)
			}
			if diff := cmp.Diff(anaUser(), got.rows[0].User); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRefusesUnusableFiles(t *testing.T) {
	for _, tt := range []struct{ it, text, want string }{
		{"an empty file", "", "the file is empty"},
		{"a file of white space", "\ufeff \n\t\r\n", "the file is empty"},
		{"UTF-16 with its mark", "\xff\xfei\x00d\x00", "UTF-16"},
		{"UTF-16 without a mark", "i\x00d\x00,\x00", "not UTF-8 text"},
		{"a SQLite database", "SQLite format 3\x00\x10\x00", "SQLite database"},
		{"a spreadsheet", "PK\x03\x04\x14\x00", "save it as CSV"},
		{"a compressed file", "\x1f\x8b\x08\x00", "gzip"},
		{"binary garbage without zeros", "\x80\x81\x07\xfe,\x9c\n", "not UTF-8 text"},
		{"a text that is no table", "Dear partner,\nhere are the users\n", "has none of the columns"},
		{"rows without a header", ana + beto, "has none of the columns"},
		{"a JSON array", "[\n{}\n]", "JSON array"},
		{"line ends of CR alone", strings.ReplaceAll(head+ana, "\n", "\r"), "CR alone"},
		{"an endless header", "id," + strings.Repeat("x", maxRow), "longer than 64 KiB"},
		{"a header with an open quote", "id,\"email\n" + ana, "quotes"},
		{"a header without a required column", "id,name\n", "line 1, the CSV header: missing column email, country: expected id, email, name, country and optionally"},
		{"a header with an unknown column", "id,email,name,country,zone\n", `unknown column "zone": expected id`},
		{"a header with a nameless column", "id,,email,name,country\n", "column 2 has no name"},
		{"a header with a column twice", "id,email,name,country,ID\n", `column "id" occurs twice`},
		{"a header with control characters", "id,email,name,country,\x1b[31m\n", "not UTF-8 text"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			err := Read(strings.NewReader(tt.text), got.each, got.bad)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if len(got.rows)+len(got.problems) != 0 {
				t.Errorf("rows %v, problems %v of an unusable file", got.rows, got.problems)
			}
		})
	}
}

func TestExplicitFormatsAgreeWithTheSniffer(t *testing.T) {
	sourceTest{text: head + ana, want: "2:a1"}.run(t, ReadCSV)
	sourceTest{
		text: `{"id":"a1","email":"ana@example.mx","name":"Ana","country":"MX"}`,
		want: "1:a1",
	}.run(t, ReadJSONLines)
	var got result
	if err := ReadCSV(strings.NewReader(`{"id":"a1"}`), got.each, got.bad); err == nil {
		t.Error("ReadCSV accepted an object as a header")
	}
	sourceTest{
		text:     head,
		problems: "line 1: is not valid JSON: invalid character 'i' looking for beginning of value",
	}.run(t, ReadJSONLines)
}

func TestReadStopsWithTheCallersError(t *testing.T) {
	stop := errors.New("disk full")
	for _, text := range []string{
		head + ana + beto,
		strings.Repeat(`{"id":"a1","email":"ana@example.mx","name":"Ana","country":"MX"}`+"\n", 2),
	} {
		calls := 0
		err := Read(strings.NewReader(text), func(Row) error { calls++; return stop }, func(Problem) {})
		if err != stop || calls != 1 {
			t.Errorf("error = %v after %d calls, want %v after 1", err, calls, stop)
		}
	}
}

func TestReadReportsWhereTheSourceBroke(t *testing.T) {
	broken := errors.New("connection reset")
	r := io.MultiReader(strings.NewReader(head+ana), iotest.ErrReader(broken))
	var got result
	err := Read(r, got.each, got.bad)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "after line 2") {
		t.Errorf("error = %v", err)
	}
	if got.lines() != "2:a1" {
		t.Errorf("rows = %q", got.lines())
	}
}

func TestProblemString(t *testing.T) {
	for want, p := range map[string]Problem{
		"line 7, email: has no @": {Line: 7, Column: "email", Reason: "has no @"},
		"line 7: is long":         {Line: 7, Reason: "is long"},
		"email: has no @":         {Column: "email", Reason: "has no @"},
		"is long":                 {Reason: "is long"},
	} {
		if got := p.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
