package roster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

const (
	bareQuote = `has a quote (") inside a cell that has none around it: put the cell in quotes and double the quote`
	badQuote  = `has a quote (") that is not closed, or text after a closing quote`
)

func TestReadCSV(t *testing.T) {
	filler := strings.Repeat("x", 500)
	swallowed := strings.Repeat("c3,c@example.mx,"+filler[:190]+",MX\n", 400) // over 64 KiB
	for _, tt := range []sourceTest{
		{"takes a header alone for an empty list", head, "", ""},
		{"takes columns in any order, case and spacing", " Country,NAME, e" + "mail ,Id\nMX,Ana,ana@example.mx,a1\n", "2:a1", ""},
		{"finds semicolons", strings.ReplaceAll(head+ana, ",", ";"), "2:a1", ""},
		{"finds tabs", strings.ReplaceAll(head+ana, ",", "\t"), "2:a1", ""},
		{"keeps commas in cells between semicolons", "id;email;name;country\na1;ana@example.mx;Peña, Ana;MX\n", "2:a1", ""},
		{"skips blank lines and counts them", head + "\n" + ana + "  \n\n" + beto, "3:a1 6:b2", ""},
		{"reads quoted cells", head + `"a1","ana@example.mx","Peña, ""Anita""","MX"` + "\n", "2:a1", ""},
		{"names every bad cell of a row and goes on", head + "a 1,ana,Ana,US\n" + beto, "3:b2",
			"line 2, id: holds ' ': expected letters without accents, digits and . _ ~ - only\nline 2, email: has no @\nline 2, country: is \"US\": expected MX or DO"},
		{"skips rows of empty cells, of any number", head + ",,,\n" + ana + ",\n ,\"\",\n" + beto + ",,,,,,,\n,,,", "3:a1 6:b2", ""},
		{"takes nameless columns at the end that are empty throughout", "id,email,name,country,, \na1,ana@example.mx,Ana,MX,,\n" + beto, "2:a1 3:b2", ""},
		{"reports a value in a nameless column", "id,email,name,country,,\na1,ana@example.mx,Ana,MX,,x\n" + beto, "3:b2", "line 2: has 6 cells, but the header has 4"},
		{"takes surplus cells that are empty", head + "a1,ana@example.mx,Ana,MX,,\n", "2:a1", ""},
		{"keeps empty cells that the header names", "id,email,name,country,type,status,\na1,ana@example.mx,Ana,MX,,,\n", "2:a1", ""},
		{"reports a missing cell", head + "a1,ana@example.mx,Ana\n" + beto, "3:b2", "line 2: has 3 cells, but the header has 4"},
		{"reports a surplus cell", head + "a1,ana@example.mx,Peña,Ana,MX\n" + beto, "3:b2", "line 2: has 5 cells, but the header has 4"},
		{"reports bytes that are not UTF-8 with their column", head + "a1,ana@example.mx,Pe\xf1a,MX\n" + beto, "3:b2", "line 2, name: is not valid UTF-8"},
		{"reports a zero byte", head + "a1,ana@example.mx,A\x00na,MX\n", "", "line 2, name: holds the control character U+0000"},
		{"reports a bare quote and goes on", head + "a1,ana@example.mx,Ana \"La Jefa,MX\n" + beto, "3:b2", "line 2: " + bareQuote},
		{"reports two bare quotes and goes on", head + "a1,ana@example.mx,Ana \"La Jefa\",MX\n" + beto, "3:b2", "line 2: " + bareQuote},
		{"reports text after a closing quote and goes on", head + "a1,ana@example.mx,\"Ana\" Peña,MX\n" + beto, "3:b2", "line 2: " + badQuote},
		{"finds the rows that an open quote swallowed up to the end", head + "x,x@example.mx,\"Xu,MX\n" + ana + beto, "3:a1 4:b2",
			"line 2: a quote in this line is never closed"},
		{"finds the rows that an open quote swallowed up to the next quote", head + "x,x@example.mx,\"Xu,MX\n" + ana + "b2,beto@example.do,\"Beto\",DO\n" + ana, "3:a1 4:b2 5:a1",
			"line 2: a quote in this line is never closed"},
		{"finds the rows between two open quotes", head + "x,x@example.mx,\"Xu,MX\n" + ana + "y,\"y@example.mx,Yi,MX\n" + beto, "3:a1 5:b2",
			"line 2: " + badQuote + "\nline 4: a quote in this line is never closed"},
		{"gives an open quote up after 64 KiB", head + "x,x@example.mx,\"Xu,MX\n" + swallowed, strings.TrimSpace(numbered(3, 400, "c3")),
			"line 2: a quote in this line is not closed within 64 KiB"},
		{"never reads the inside of a well-formed cell as rows", head + "a1,ana@example.mx,\"Ana\nz9,evil@example.mx,Evil,MX\n\",MX\n" + beto, "5:b2",
			"line 2, name: holds a line break (by its quotes the row goes on to line 4)"},
		{"trims a line end around a quoted value", head + "a1,ana@example.mx,\"Ana\r\n\",MX\n" + beto, "2:a1 4:b2", ""},
		{"skips a row of more than 64 KiB", head + "a1,ana@example.mx," + strings.Repeat("x", maxRow) + ",MX\n" + beto, "3:b2", "line 2: is longer than 64 KiB"},
		{"skips a row of many times 64 KiB with quotes in it", head + strings.Repeat("\"", 5*maxRow+1) + "\n" + beto, "3:b2", "line 2: is longer than 64 KiB"},
		{"accepts a row of just 64 KiB", head + "a1,ana@example.mx,Ana,MX" + strings.Repeat(" ", maxRow-24) + "\r\n" + beto, "2:a1 3:b2", ""},
	} {
		t.Run(tt.it, func(t *testing.T) { tt.run(t, Read) })
	}
}

func TestReadCSVFillsEveryField(t *testing.T) {
	text := "id;email;name;country;external_id;locale;time_zone;type;status\n" +
		"a1;Ana@Example.MX;\u00a0Ana Peña ;do;77;es_mx;America/Tijuana;business;Pending\n"
	var got result
	if err := Read(strings.NewReader(text), got.each, got.bad); err != nil {
		t.Fatal(err)
	}
	want := []Row{{Line: 2, User: pipeline.User{
		ID: "a1", ExternalID: "77", Email: "Ana@example.mx", Name: "Ana Peña", Country: pipeline.DO,
		Locale: pipeline.ESMX, TimeZone: "America/Tijuana", Type: pipeline.Business, Status: pipeline.Pending,
	}}}
	if diff := cmp.Diff(want, got.rows); diff != "" || len(got.problems) > 0 {
		t.Errorf("problems %v, rows (-want +got):\n%s", got.problems, diff)
	}
}
