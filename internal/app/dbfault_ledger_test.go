package app

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// readLedger opens a ledger as any other program does. Its process may live or
// not: what an earlier one left in the log is read as SQLite reads it.
func readLedger(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000&_query_only=1")
	check(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { check(t, db.Close()) })
	return db
}

// copyOfLedger copies the files of a ledger as they lie on the disk now, as a
// power cut would leave them, and opens the copy.
func (w *world) copyOfLedger() *sql.DB {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, suffix := range []string{"", "-journal", "-wal"} {
		content, err := os.ReadFile(w.path("alta.db") + suffix)
		if os.IsNotExist(err) {
			continue
		}
		check(w.t, err)
		check(w.t, os.WriteFile(filepath.Join(dir, "alta.db"+suffix), content, 0o600))
	}
	return readLedger(w.t, filepath.Join(dir, "alta.db"))
}

// texts returns the one column of a query.
func texts(t testing.TB, db *sql.DB, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		check(t, rows.Scan(&s))
		all = append(all, s)
	}
	check(t, rows.Err())
	return all
}

func number(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	check(t, db.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

// wantSound wants a ledger that SQLite finds nothing wrong with, and that agrees
// with itself.
func wantSound(t testing.TB, db *sql.DB) {
	t.Helper()
	if got := texts(t, db, `PRAGMA integrity_check`); !slices.Equal(got, []string{"ok"}) {
		t.Errorf("the check of the ledger says %q", got)
	}
	if got := texts(t, db, `SELECT "table" FROM pragma_foreign_key_check`); len(got) > 0 {
		t.Errorf("rows of %q refer to nothing", got)
	}
	for what, query := range map[string]string{
		"users with several open deliveries": `SELECT count(*) FROM (SELECT 1 FROM deliveries
			WHERE state IN ('due', 'claimed', 'sending', 'held', 'doubt') GROUP BY user_key HAVING count(*) > 1)`,
		"deliveries with a wrong owner": `SELECT count(*) FROM deliveries WHERE (run_id IS NOT NULL) <> (state IN ('claimed', 'sending'))`,
		"users whose mails are not those that were sent": `SELECT count(*) FROM users u
			WHERE u.mails <> (SELECT count(*) FROM deliveries d WHERE d.user_key = u.key AND d.state = 'sent')
				OR (u.mails = 0) <> (u.last_mail_at IS NULL)`,
		"deliveries that were sent without an attempt that says so": `SELECT count(*) FROM deliveries d WHERE (d.state = 'sent')
			<> EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'sent')`,
	} {
		if n := number(t, db, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}

// begunMails returns the Message-IDs of the mails that have begun, as far as the
// ledger knows.
func begunMails(t testing.TB, db *sql.DB) []string {
	t.Helper()
	if number(t, db, `SELECT count(*) FROM sqlite_schema WHERE name = 'deliveries'`) == 0 {
		return nil
	}
	return texts(t, db, `SELECT message_id FROM deliveries WHERE state IN ('sending', 'sent')`)
}

// ledgerSummary is for the eyes, when a test fails.
func ledgerSummary(t testing.TB, db *sql.DB) string {
	t.Helper()
	return fmt.Sprintf("deliveries %q\nattempts %q\nruns %q",
		texts(t, db, `SELECT id || ' ' || state || ' doubts ' || doubts || ' ' || code FROM deliveries`),
		texts(t, db, `SELECT delivery_id || ' ' || outcome || ' ' || code || CASE WHEN doubtful THEN ' doubtful' ELSE '' END FROM attempts`),
		texts(t, db, `SELECT id || ' selected ' || selected || ' sent ' || sent || ' outage ' || outage || ' error ' || error FROM runs`))
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, content, 0o600))
}
