package roster

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alta/pipeline"
)

func TestGuardFormula(t *testing.T) {
	for _, tt := range []struct{ it, cell, want string }{
		{"leaves a name alone", "Ana Peña", "Ana Peña"},
		{"leaves an empty cell alone", "", ""},
		{"leaves a formula's sign inside alone", "a+b=c@d-e", "a+b=c@d-e"},
		{"leaves an apostrophe of a name alone", "'Abd", "'Abd"},
		{"guards a formula", `=HYPERLINK("https://x.example";"Ana")`, `'=HYPERLINK("https://x.example";"Ana")`},
		{"guards a plus", "+52 55", "'+52 55"},
		{"guards a minus", "-7", "'-7"},
		{"guards an at sign", "@SUM(A1)", "'@SUM(A1)"},
		{"guards a tab", "\t=1", "'\t=1"},
		{"guards a CR", "\r=1", "'\r=1"},
		{"guards an LF", "\n=1", "'\n=1"},
		{"guards a full-width equals sign", "＝1+1", "'＝1+1"},
		{"guards a full-width plus", "＋1", "'＋1"},
		{"guards a full-width minus", "－1", "'－1"},
		{"guards a full-width at sign", "＠SUM(A1)", "'＠SUM(A1)"},
		{"guards what looks guarded once more", "'=1", "''=1"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			if got := guardFormula(tt.cell); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := unguardFormula(tt.want); got != tt.cell {
				t.Errorf("back again is %q, want %q", got, tt.cell)
			}
		})
	}
}

func TestReadCSVTakesTheGuardOffOnlyWhereItWasPut(t *testing.T) {
	for _, tt := range []struct{ it, cell, want string }{
		{"takes the guard off", "'=Ana", "=Ana"},
		{"takes one of two off", "''=Ana", "'=Ana"},
		{"keeps an apostrophe of a name", "'Abd", "'Abd"},
		{"keeps an apostrophe inside", "D'=Alessio", "D'=Alessio"},
		{"keeps one behind a space, where no guard stands", " '=Ana", "'=Ana"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			if err := Read(strings.NewReader(head+"a1,ana@example.mx,"+tt.cell+",MX\n"), got.each, got.bad); err != nil {
				t.Fatal(err)
			}
			if len(got.rows) != 1 || got.rows[0].User.Name != tt.want {
				t.Errorf("rows %v, problems %v, want the name %q", got.rows, got.problems, tt.want)
			}
		})
	}
	sourceTest{
		text:     `{"id":"'-a1","email":"ana@example.mx","name":"Ana","country":"MX"}`,
		problems: `line 1, id: holds '\'': expected letters without accents, digits and . _ ~ - only`,
	}.run(t, Read)
}

// hostileText is text as somebody may put it into a form, with all that CSV and
// spreadsheets give a meaning.
func hostileText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{"'", "''", "=", "+", "-", "@", "＝", "＋", "－", "＠", `"`, ",", ";", " ", "Ana", "1+1", "\\.", "#", "\ufeff", "\u200b"}),
			rapid.StringN(0, 3, -1),
		), 1, 6).Draw(t, "parts")
		return strings.Join(parts, "")
	})
}

// hostileUser is any user that the ledger may hold.
func hostileUser() *rapid.Generator[pipeline.User] {
	return rapid.Custom(func(t *rapid.T) pipeline.User {
		u, problems := Validate(Fields{
			ID:         rapid.StringMatching(`[A-Za-z0-9._~-]{3,12}`).Draw(t, "id"),
			Email:      rapid.StringMatching(`['=+-]{0,2}[a-z0-9'+-]{1,8}`).Draw(t, "local part") + "@example.mx",
			Name:       hostileText().Draw(t, "name"),
			Country:    rapid.SampledFrom([]string{"MX", "DO"}).Draw(t, "country"),
			ExternalID: hostileText().Draw(t, "external id"),
			Locale:     rapid.SampledFrom([]string{"", "es-MX", "es-DO"}).Draw(t, "locale"),
			TimeZone:   rapid.SampledFrom([]string{"", "UTC", "America/Tijuana"}).Draw(t, "time zone"),
			Type:       rapid.SampledFrom([]string{"", "INDIVIDUAL", "BUSINESS"}).Draw(t, "type"),
			Status:     rapid.SampledFrom([]string{"", "pending", "opted_out"}).Draw(t, "status"),
		})
		if len(problems) > 0 {
			t.Skip("no valid user")
		}
		return u
	})
}

func TestUsersSurviveExportAndImport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(hostileUser(), 0, 4).Draw(t, "users")
		var text strings.Builder
		w := NewCSVWriter(&text)
		for _, u := range users {
			if err := w.Write(u); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}

		records, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
		if err != nil || len(records) != 1+len(users) {
			t.Fatalf("%d records of %d users, %v: %q", len(records), len(users), err, text.String())
		}
		for _, cells := range records {
			for _, cell := range cells {
				if strings.IndexAny(cell, "=+-@\t\r\n＝＋－＠") == 0 {
					t.Errorf("a spreadsheet would run %q", cell)
				}
			}
		}

		var got result
		if err := Read(strings.NewReader(text.String()), got.each, got.bad); err != nil {
			t.Fatal(err)
		}
		var back []pipeline.User
		for _, row := range got.rows {
			back = append(back, row.User)
		}
		if diff := cmp.Diff(users, back); diff != "" && len(users)+len(back) > 0 || len(got.problems) > 0 {
			t.Errorf("problems %v, users (-want +got):\n%s", got.problems, diff)
		}
	})
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestCSVWriterReportsAFullDisk(t *testing.T) {
	w := NewCSVWriter(fullDisk{})
	if err := w.Flush(); err == nil {
		t.Error("no error for a header that is lost")
	}
}
