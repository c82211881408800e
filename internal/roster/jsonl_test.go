package roster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

func object(more string) string {
	return `{"id":"a1","email":"ana@example.mx","name":"Ana","country":"MX"` + more + "}\n"
}

// numbered lists n lines of the same id, as result.lines does.
func numbered(first, n int, id string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "%d:%s ", first+i, id)
	}
	return s.String()
}

func TestReadJSONLines(t *testing.T) {
	for _, tt := range []sourceTest{
		{"reads one object a line", object("") + object(""), "1:a1 2:a1", ""},
		{"skips blank lines and counts them", object("") + "\n  \n" + object(""), "1:a1 4:a1", ""},
		{"takes null for empty", object(`,"locale":null`), "1:a1", ""},
		{"takes keys in any case", `{"ID":"a1","Email":"ana@example.mx","NAME":"Ana","Country":"MX"}`, "1:a1", ""},
		{"reads escapes", `{"id":"a1","email":"ana@example.mx","name":"Pe\u00f1a","country":"MX"}`, "1:a1", ""},
		{"names an unknown key", object(`,"zone":"x"`) + object(""), "2:a1", "line 1: unknown key \"zone\": " + expected()},
		{"shows an unknown key without its control characters", object(`,"\u001b[2J":1`), "", "line 1: unknown key \"\\x1b[2J\": " + expected()},
		{"refuses a key that occurs twice", object(`,"Id":"a2"`), "", "line 1, id: occurs twice"},
		{"takes a whole number as an id", `{"id":900719925474099312345,"external_id":-7,"email":"ana@example.mx","name":"Ana","country":"MX"}`, "1:900719925474099312345", ""},
		{"refuses an id with a fraction or an exponent", `{"id":1.0,"external_id":1e3,"email":"ana@example.mx","name":"Ana","country":"MX"}`, "",
			"line 1, id: is a number with a fraction or an exponent: expected a string or a whole number\nline 1, external_id: is a number with a fraction or an exponent: expected a string or a whole number"},
		{"refuses any other number", object(`,"type":77`), "", "line 1, type: is a number: expected a string"},
		{"refuses a boolean, an array and an object", object(`,"status":true,"type":[1],"locale":{"a":{}}`), "",
			"line 1, status: is a boolean: expected a string\nline 1, type: is an array: expected a string\nline 1, locale: is an object: expected a string"},
		{"reports missing keys", `{"id":"a1","name":"Ana"}`, "", "line 1, email: is required, but empty\nline 1, country: is required, but empty"},
		{"reports an empty object", "{}\n" + object(""), "2:a1", "line 1: the row is empty"},
		{"reports bytes that are not UTF-8 with their column", object(",\"external_id\":\"\xf1\""), "", "line 1, external_id: is not valid UTF-8"},
		{"reports half of a surrogate pair", object(`,"external_id":"\ud83d"`), "", "line 1, external_id: holds U+FFFD, which stands for characters that were lost before"},
		{"reports an object over several lines", "{\n" + `"id":"a1"}` + "\n" + object(""), "3:a1",
			"line 1: the JSON object does not end in this line: expected one object a line\nline 2: is not a JSON object: expected one object a line"},
		{"reports two objects in a line", strings.TrimSpace(object("")) + object("") + object(""), "2:a1", "line 1: has text after the object: expected one object a line"},
		{"reports broken JSON and goes on", "{\"id\":\"a1\",}\n" + object(""), "2:a1", "line 1: is not valid JSON: invalid character '}' looking for beginning of object key string"},
		{"reports another value than an object", object("") + "[1]\n", "1:a1", "line 2: is not a JSON object: expected one object a line"},
		{"skips a line of more than 64 KiB", object(`,"locale":"`+strings.Repeat("x", 3*maxRow)+`"`) + object(""), "2:a1", "line 1: is longer than 64 KiB"},
	} {
		t.Run(tt.it, func(t *testing.T) { tt.run(t, Read) })
	}
}

func TestReadJSONLinesFillsEveryField(t *testing.T) {
	text := object(`,"external_id":77,"locale":"es-DO","time_zone":"America/Santo_Domingo","type":"INDIVIDUAL","status":"verified"`)
	var got result
	if err := Read(strings.NewReader(text), got.each, got.bad); err != nil {
		t.Fatal(err)
	}
	want := []Row{{Line: 1, User: pipeline.User{
		ID: "a1", ExternalID: "77", Email: "ana@example.mx", Name: "Ana", Country: pipeline.MX,
		Locale: pipeline.ESDO, TimeZone: "America/Santo_Domingo", Type: pipeline.Individual, Status: pipeline.Verified,
	}}}
	if diff := cmp.Diff(want, got.rows); diff != "" || len(got.problems) > 0 {
		t.Errorf("problems %v, rows (-want +got):\n%s", got.problems, diff)
	}
}
