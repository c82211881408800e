package roster

import (
	"strings"
	"testing"
)

// A view can't call what SQLite does not vouch for, such as the functions of its
// extensions that take bytes apart, behind the back of the query.
func TestReadSQLiteLetsNoViewCallUnsafeFunctions(t *testing.T) {
	for _, call := range []string{"rtreedepth(x'00010002')", "rtreecheck('customers')"} {
		path := partnerDatabase(t, "CREATE VIEW everyone AS SELECT "+call+" AS id, 'ana@example.mx' AS email, 'Ana' AS name, 'MX' AS country")
		var got result
		err := ReadSQLite(t.Context(), path, "SELECT * FROM everyone", got.each, got.bad)
		if err == nil || !strings.Contains(err.Error(), "unsafe use of rtree") || len(got.rows) > 0 {
			t.Errorf("%s: error = %v, rows %v", call, err, got.rows)
		}
	}
}
