package roster

import "testing"

func TestOneStatement(t *testing.T) {
	for _, tt := range []struct{ it, query, want string }{
		{"takes a statement as it is", "SELECT 1", "SELECT 1"},
		{"cuts the semicolon off", "SELECT 1;", "SELECT 1"},
		{"cuts comments after the semicolon off", "SELECT 1; ; -- SELECT 2\n/* ; */", "SELECT 1"},
		{"ignores semicolons in quotes of any kind", "SELECT ';', \";\", `;`, [;]", "SELECT ';', \";\", `;`, [;]"},
		{"ignores a semicolon after a doubled quote", "SELECT 'it''s; fine'", "SELECT 'it''s; fine'"},
		{"ignores semicolons in comments", "SELECT 1 -- ; x\n/* ; */", "SELECT 1 -- ; x\n/* ; */"},
		{"leaves an open comment to SQLite", "SELECT 1 /* ; SELECT", "SELECT 1 /* ; SELECT"},
		{"leaves an open quote to SQLite", "SELECT '; SELECT 2", "SELECT '; SELECT 2"},
		{"takes a leading semicolon for nothing", "; SELECT 1", "; SELECT 1"},
		{"refuses a second statement", "SELECT 1; SELECT 2", ""},
		{"refuses a second statement after a line comment", "SELECT 1;-- x\nSELECT 2", ""},
		{"refuses a second statement after a comment", "SELECT 1;/**/SELECT 2", ""},
		{"does not end a comment with the star that began it", "SELECT 1;/*/ x */SELECT 2", ""},
		{"takes a single minus for text", "SELECT 2 - 1; x", ""},
		{"takes a single slash for text", "SELECT 4 / 2; x", ""},
		{"refuses a zero byte, where SQLite would stop", "SELECT 1\x00; x", ""},
		{"refuses nothing", "", ""},
		{"refuses a comment alone", "-- SELECT 1", ""},
		{"refuses an open comment alone", "/* SELECT 1", ""},
	} {
		t.Run(tt.it, func(t *testing.T) {
			got, err := oneStatement(tt.query)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("oneStatement(%q) = %q, %v, want %q", tt.query, got, err, tt.want)
			}
		})
	}
}
