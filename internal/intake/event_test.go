package intake

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

func TestParseEvent(t *testing.T) {
	ana := event{"KYC", "VERIFIED_USER", "ana"}
	for _, test := range []struct {
		sentence, body string
		want           event
		problem        string
	}{
		{"the documented shape", `{"type":"KYC","event":"VERIFIED_USER","externalUserId":"ana"}`, ana, ""},
		{"blanks between and around", " {\n\"event\" : \"VERIFIED_USER\" ,\t\"externalUserId\": \"ana\",\"type\":\"KYC\"}\r\n", ana, ""},
		{"fields that nobody knows stand beside", `{"type":"KYC","event":"VERIFIED_USER","externalUserId":"ana","data":{"event":"x"},"at":1}`, ana, ""},
		{"of a field that stands there twice the last counts", `{"type":"KYC","event":"X","event":"VERIFIED_USER","externalUserId":"bob","externalUserId":"ana"}`, ana, ""},
		{"a name is taken to the letter", `{"type":"KYC","event":"VERIFIED_USER","EVENT":"X","externalUserId":"ana","externaluserid":"bob"}`, ana, ""},
		{"escapes are read", `{"type":"KYC","event":"VERIFIED\u005fUSER","externalUserId":"\u0061na"}`, ana, ""},
		{"blanks at the ends of an id are none of it, as in an import", `{"type":"KYC","event":"VERIFIED_USER","externalUserId":" ana "}`, ana, ""},
		{"the type may be missing", `{"event":"VERIFIED_USER","externalUserId":"ana"}`, event{"", "VERIFIED_USER", "ana"}, ""},
		{"the type may be odd", `{"type":7,"event":"VERIFIED_USER","externalUserId":"ana"}`, event{"", "VERIFIED_USER", "ana"}, ""},
		{"an id of 256 characters, whatever their bytes", `{"event":"E","externalUserId":"` + strings.Repeat("ñ", 256) + `"}`, event{"", "E", strings.Repeat("ñ", 256)}, ""},

		{"nothing", ``, event{}, "the body is not a JSON object"},
		{"null", `null`, event{}, "the body is not a JSON object"},
		{"a list", `[{"event":"E","externalUserId":"ana"}]`, event{}, "the body is not a JSON object"},
		{"something behind it", `{"event":"E","externalUserId":"ana"}{}`, event{}, "the body is not a JSON object"},
		{"a byte order mark", "\ufeff" + `{"event":"E","externalUserId":"ana"}`, event{}, "the body is not a JSON object"},
		{"half of it", `{"event":"E","externalUserId":"an`, event{}, "the body is not a JSON object"},
		{"no UTF-8", "{\"event\":\"E\",\"externalUserId\":\"an\xff\"}", event{}, "the body is not valid UTF-8"},
		{"no event", `{"externalUserId":"ana"}`, event{}, "the field event is missing"},
		{"no id", `{"event":"E"}`, event{}, "the field externalUserId is missing"},
		{"an empty id", `{"event":"E","externalUserId":""}`, event{}, "the field externalUserId is empty"},
		{"null for an id", `{"event":"E","externalUserId":null}`, event{}, "the field externalUserId is empty"},
		{"a number for an id", `{"event":"E","externalUserId":12}`, event{}, "the field externalUserId is not a text"},
		{"a list for an event", `{"event":["E"],"externalUserId":"ana"}`, event{}, "the field event is not a text"},
		{"a long event", `{"event":"` + strings.Repeat("E", 65) + `","externalUserId":"ana"}`, event{}, "the field event has more than 64 characters"},
		{"a long id", `{"event":"E","externalUserId":"` + strings.Repeat("a", 257) + `"}`, event{}, "the field externalUserId has more than 256 characters"},
		{"a line break in an id", `{"event":"E","externalUserId":"a\nna"}`, event{}, "the field externalUserId holds a control character"},
		{"a NUL in an id, which PostgreSQL takes no text with", `{"event":"E","externalUserId":"a\u0000na"}`, event{}, "the field externalUserId holds a control character"},
		{"a turn of the direction in an event", `{"event":"E\u202e","externalUserId":"ana"}`, event{}, "the field event holds a control character"},
		{"half a surrogate pair", `{"event":"E","externalUserId":"\ud800"}`, event{}, "the field externalUserId holds a control character"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := parseEvent([]byte(test.body))
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(event{})); diff != "" || problem != test.problem {
				t.Errorf("problem %q, want %q; event (-want +got):\n%s", problem, test.problem, diff)
			}
		})
	}
}

// The events that capa-api.md lists, and how far each of them takes a user who
// is pending, and one who is in review.
func TestMeaning(t *testing.T) {
	for name, want := range map[string][2]pipeline.Status{
		"CREATED_KYC":       {pipeline.InReview, pipeline.InReview},
		"REVIEW_NEEDED_KYC": {pipeline.InReview, pipeline.InReview},
		"VERIFIED_USER":     {pipeline.Verified, pipeline.Verified},
		"REJECTED_KYC":      {pipeline.Rejected, pipeline.Rejected},
	} {
		got := [2]pipeline.Status{pipeline.Pending.Advance(meaning(name)), pipeline.InReview.Advance(meaning(name))}
		if got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"", "verified_user", "VERIFIED_KYC", "EXPIRED_KYC", testEvent} {
		if got := meaning(name); got != "" {
			t.Errorf("%q means %q", name, got)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, body := range []string{
		`{"type":"KYC","event":"VERIFIED_USER","externalUserId":"ana"}`, `{"event":"E","event":"F","externalUserId":" \u00e9\ud83d\ude00 "}`,
		`{"event":"E","externalUserId":"a\u0000"}`, `null`, `[]`, "\xff", `{"type":{},"event":"ALTA_TEST","externalUserId":"x"} `,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parseEvent(body)
		if err != nil {
			if e != (event{}) || len(err.Error()) > 100 {
				t.Fatalf("refused with %+v, %q", e, err)
			}
			return
		}
		for _, text := range []string{e.name, e.externalID} {
			if text == "" || text != strings.TrimSpace(text) || !utf8.ValidString(text) || strings.ContainsFunc(text, unfit) {
				t.Fatalf("took %q", text)
			}
		}
		if utf8.RuneCountInString(e.name) > maxEvent || utf8.RuneCountInString(e.externalID) > maxExternalID {
			t.Fatalf("took %+v, which is too long", e)
		}
		if !json.Valid(body) {
			t.Fatalf("took what is no JSON: %q", body)
		}
		plain, err := json.Marshal(map[string]string{"type": e.kind, "event": e.name, "externalUserId": e.externalID})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseEvent(plain); err != nil || again != e {
			t.Fatalf("%+v is read again as %+v, %v", e, again, err)
		}
	})
}
