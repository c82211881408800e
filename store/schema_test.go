package store

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"alta/pipeline"
)

// The text of three tables is rewritten in place by a migration, where a
// replacement that finds nothing to replace would say nothing. Those that came later
// must not forget it.
func TestEveryForeignKeyIsLookedAtOnCommit(t *testing.T) {
	s := openAt(t, newPath(t))
	tables, err := column[string](boundTo(t.Context(), s.reads), `SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%REFERENCES%'`)
	if err != nil || len(tables) != 8 {
		t.Fatalf("found %d tables: %v", len(tables), err)
	}
	key := regexp.MustCompile(`REFERENCES \w+ \(\w+\)(.*)`)
	for _, text := range tables {
		keys := key.FindAllStringSubmatch(text, -1)
		if len(keys) == 0 {
			t.Errorf("no foreign key in\n%s", text)
		}
		for _, k := range keys {
			if !strings.HasPrefix(k[1], " DEFERRABLE INITIALLY DEFERRED") {
				t.Errorf("%s is looked at by each statement", k[0])
			}
		}
	}
}

func TestTheLedgerRefusesWhatIsNoValue(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "a")
	for _, statement := range []string{
		`UPDATE users SET status = 'done'`,
		`UPDATE users SET country = 'US'`,
		`UPDATE deliveries SET step = 'nudge'`,
		`UPDATE deliveries SET state = 'gone', ended_at = 1`,
		`UPDATE deliveries SET state = 'gone'`,
		`UPDATE deliveries SET state = 'failed'`,
		`UPDATE deliveries SET ended_at = 1`,
		`INSERT INTO sessions (user_key, state, began_at, lease_ends) VALUES (1, 'gone', 0, 0)`,
		`INSERT INTO visits (link_id, kind, hour, n, first_at, last_at) VALUES (1, 'glance', 0, 1, 0, 0)`,
	} {
		_, err := s.writer.db.Exec(statement)
		if refusal, ok := err.(sqlite3.Error); !ok || refusal.ExtendedCode != sqlite3.ErrConstraintCheck {
			t.Errorf("%s returned %v", statement, err)
		}
	}
}

// A stand-by waits for the lock with the ledger open. A newer alta that had it
// meanwhile may have changed the schema.
func TestAStandByRefusesASchemaThatANewerAltaMade(t *testing.T) {
	s := openAt(t, newPath(t))
	judge := func(*pipeline.Delivery, bool) pipeline.Verdict { return pipeline.Verdict{} }
	if _, _, err := s.Recover(t.Context(), noon, judge); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Recover(t.Context(), noon, judge); err == nil || !strings.Contains(err.Error(), "a newer alta has changed it") {
		t.Errorf("Recover returned %v", err)
	}
}
