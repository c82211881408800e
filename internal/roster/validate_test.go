package roster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

func anaFields() Fields {
	return Fields{ID: "a1", Email: "ana@example.mx", Name: "Ana Peña", Country: "MX"}
}

func TestValidateKeepsEmptyOptionalFieldsEmpty(t *testing.T) {
	f := anaFields()
	f.Locale, f.Status = " ", "\t"
	got, problems := Validate(f)
	if diff := cmp.Diff(anaUser(), got); diff != "" || problems != nil {
		t.Errorf("problems %v, user (-want +got):\n%s", problems, diff)
	}
}

func TestValidateReportsEveryProblem(t *testing.T) {
	got, problems := Validate(Fields{Locale: "en"})
	want := []Problem{
		{Column: "id", Reason: "is required, but empty"},
		{Column: "email", Reason: "is required, but empty"},
		{Column: "name", Reason: "is required, but empty"},
		{Column: "country", Reason: "is required, but empty"},
		{Column: "locale", Reason: `is "en": expected es-MX or es-DO`},
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
	if got != (pipeline.User{}) {
		t.Errorf("user = %+v, want the zero value", got)
	}
}

func TestValidateColumn(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, tt := range []struct {
		it, column, value string
		want              string // the normalized value, or
		reason            string // a part of the reason
	}{
		{"takes a UUID for an id", "id", "0d3f2b9e-6c1a-4f0e-9a53-0a1b2c3d4e5f", "0d3f2b9e-6c1a-4f0e-9a53-0a1b2c3d4e5f", ""},
		{"takes the unreserved characters of a URL for an id", "id", "A.z_9~-", "A.z_9~-", ""},
		{"trims an id", "id", " a1\u00a0", "a1", ""},
		{"refuses an id that leaves its path segment", "id", "a/../b", "", `holds '/'`},
		{"refuses an id that is a dot segment", "id", "..", "", "dot segment"},
		{"refuses an escaped id", "id", "a%2e", "", `holds '%'`},
		{"refuses an id beyond ASCII", "id", "peña", "", `holds 'ñ'`},
		{"takes an id of 128 characters", "id", long[:128], long[:128], ""},
		{"refuses an id of 129 characters", "id", long[:129], "", "at most 128"},

		{"lowers the domain and keeps the case of the local part", "email", "Ana.P+kyc@EXAMPLE.Mx", "Ana.P+kyc@example.mx", ""},
		{"turns a Unicode domain into A-labels", "email", "ana@piñata.mx", "ana@xn--piata-pta.mx", ""},
		{"takes a domain in A-labels as it is", "email", "ana@xn--piata-pta.mx", "ana@xn--piata-pta.mx", ""},
		{"folds a full-width domain", "email", "ana@ｅxample．mx", "ana@example.mx", ""},
		{"drops needless quotes of a local part", "email", `"ana"@example.mx`, "ana@example.mx", ""},
		{"keeps quotes that a local part needs", "email", `"ana p\"<e"@example.mx`, `"ana p\"<e"@example.mx`, ""},
		{"refuses an address without @", "email", "ana.example.mx", "", "has no @"},
		{"refuses two addresses", "email", "ana@example.mx,b@example.mx", "", "not an e-mail"},
		{"refuses a display name", "email", "Ana <ana@example.mx>", "", "bare address"},
		{"refuses angle brackets", "email", "<ana@example.mx>", "", "bare address"},
		{"refuses a comment", "email", "ana@example.mx (Ana)", "", "bare address"},
		{"refuses a comment in front", "email", "(x) ana@example.mx", "", "not an e-mail"},
		{"refuses a group", "email", "team: ana@example.mx;", "", "bare address"},
		{"refuses a space after the @", "email", "ana@ example.mx", "", "bare address"},
		{"refuses two dots in the local part", "email", "ana..p@example.mx", "", "not an e-mail"},
		{"refuses a line break, so that no header can be added", "email", "ana@example.mx\r\nBcc: x@example.mx", "", "line break"},
		{"refuses a local part beyond ASCII", "email", "josé@example.mx", "", "ASCII only"},
		{"refuses an IP literal", "email", "ana@[192.0.2.1]", "", "IP address"},
		{"refuses a bare IP address", "email", "ana@192.0.2.1", "", "IP address"},
		{"refuses a domain without a dot", "email", "ana@localhost", "", "without a dot"},
		{"refuses a final dot", "email", "ana@example.mx.", "", "not an e-mail"},
		{"refuses an underscore in the domain", "email", "ana@ex_ample.mx", "", "not a valid domain name"},
		{"refuses a hyphen at the edge of a label", "email", "ana@-example.mx", "", "not a valid domain name"},
		{"refuses a broken A-label", "email", "ana@xn--\u00f1.mx", "", "not a valid domain name"},
		{"refuses a label of 64 octets", "email", "ana@" + long[:64] + ".mx", "", "not a valid domain name"},
		{"takes a local part of 64 octets", "email", long[:64] + "@example.mx", long[:64] + "@example.mx", ""},
		{"refuses a local part of 65 octets", "email", long[:65] + "@example.mx", "", "at most 64"},
		{"refuses an address of 255 octets", "email", long[:64] + "@" + strings.Repeat(long[:46]+".", 4) + "mx", "", "at most 254"},
		{"refuses an endless address early", "email", strings.Repeat("(", 5000) + "@", "", "at most 254"},

		{"takes any script for a name", "name", "José Ñuñez 王芳 Ó’Brien-Pérez", "José Ñuñez 王芳 Ó’Brien-Pérez", ""},
		{"takes a name of 200 characters", "name", strings.Repeat("ñ", 200), strings.Repeat("ñ", 200), ""},
		{"refuses a name of 201 characters", "name", strings.Repeat("ñ", 201), "", "at most 200"},
		{"refuses a blank name", "name", " \u2003 ", "", "required"},
		{"refuses an invisible name", "name", "\u200b\u200d", "", "is blank"},
		{"refuses a tab inside a name", "name", "Ana\tPeña", "", "control character U+0009"},
		{"refuses a C1 control character", "name", "Ana\u009bPeña", "", "control character U+009B"},
		{"refuses a line separator", "name", "Ana\u2028Peña", "", "line separator U+2028"},
		{"refuses a paragraph separator", "name", "Ana\u2029Peña", "", "line separator U+2029"},
		{"refuses a bidirectional override", "name", "Ana\u202exm", "", "U+202E, which changes the direction"},
		{"refuses a bidirectional isolate", "name", "Ana\u2066xm", "", "U+2066, which changes the direction"},
		{"refuses the mark of lost characters", "name", "Pe\ufffda", "", "U+FFFD"},
		{"refuses what is not UTF-8", "name", "Pe\xf1a", "", "not valid UTF-8"},

		{"takes a country in any case", "country", "do", "DO", ""},
		{"refuses a country that the partner does not verify", "country", "CO", "", `is "CO": expected MX or DO`},
		{"refuses the name of a country", "country", "México", "", "expected MX or DO"},
		{"takes an external id as it is", "external_id", "cliente #77/ñ", "cliente #77/ñ", ""},
		{"refuses an endless external id", "external_id", long, "", "at most 256"},
		{"takes a locale in the spelling of POSIX", "locale", "ES_do", "es-DO", ""},
		{"refuses a language without a country", "locale", "es", "", "expected es-MX or es-DO"},
		{"takes any zone of the IANA database", "time_zone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", ""},
		{"takes UTC", "time_zone", "UTC", "UTC", ""},
		{"refuses a zone that means another one on each machine", "time_zone", "Local", "", "expected an IANA time zone"},
		{"refuses a zone that does not exist", "time_zone", "America/Cancún", "", "expected an IANA time zone"},
		{"refuses an unknown zone in plain letters", "time_zone", "America/Guadalajara", "", "expected an IANA time zone"},
		{"refuses a path", "time_zone", "../../etc/passwd", "", "expected an IANA time zone"},
		{"refuses an absolute path", "time_zone", "/etc/localtime", "", "expected an IANA time zone"},
		{"refuses the zones that count leap seconds", "time_zone", "right/America/Tijuana", "", "expected an IANA time zone"},
		{"takes a type in any case", "type", "Individual", "INDIVIDUAL", ""},
		{"refuses another type", "type", "person", "", "expected INDIVIDUAL or BUSINESS"},
		{"takes a status in any case", "status", "Opted_Out", "opted_out", ""},
		{"refuses another status", "status", "done", "", "expected one of pending, in_review, verified, rejected, opted_out"},
		{"refuses to erase a user by a cell", "status", "Erased", "", "alta users erase"},
		{"shows a long foreign value in short", "status", strings.Repeat("é", 500), "", strings.Repeat("é", 40) + "…"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			f := anaFields()
			*f.cell(tt.column) = tt.value
			u, problems := Validate(f)
			if tt.reason == "" {
				got := fieldsOf(u)
				if len(problems) > 0 || *got.cell(tt.column) != tt.want {
					t.Errorf("got %q, problems %v, want %q", *got.cell(tt.column), problems, tt.want)
				}
				return
			}
			if len(problems) != 1 || problems[0].Column != tt.column || !strings.Contains(problems[0].Reason, tt.reason) {
				t.Errorf("problems = %v, want one of %s with %q", problems, tt.column, tt.reason)
			}
		})
	}
}

func TestValidateAcceptsEveryStatusButErased(t *testing.T) {
	for _, s := range pipeline.Statuses() {
		f := anaFields()
		f.Status = string(s)
		u, problems := Validate(f)
		if s == pipeline.Erased {
			if len(problems) != 1 {
				t.Errorf("%s was accepted", s)
			}
		} else if len(problems) > 0 || u.Status != s {
			t.Errorf("%s: got %q, problems %v", s, u.Status, problems)
		}
	}
}
