package app

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// However many rows are bad, JSON lists a bounded number of problems and counts
// them all.
func TestImportListsABoundedNumberOfProblems(t *testing.T) {
	w := newWorld(t, time.Now)
	const bad = mostListed + 5
	var rows strings.Builder
	rows.WriteString("id,email,name,country\n")
	for i := range bad {
		fmt.Fprintf(&rows, "u-%d,nobody,Ana,MX\n", i)
	}
	check(t, os.WriteFile(w.path("users.csv"), []byte(rows.String()), 0o600))
	var answer imported
	check(t, json.Unmarshal([]byte(w.alta(exitFailed, "users", "import", "--json", w.path("users.csv"))), &answer))
	if answer.Bad != bad || len(answer.Problems) != mostListed {
		t.Errorf("%d bad rows, %d problems listed", answer.Bad, len(answer.Problems))
	}
}
