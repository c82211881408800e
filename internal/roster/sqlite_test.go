package roster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

const (
	createCustomers = "CREATE TABLE customers (uid TEXT, mail TEXT, name TEXT, country TEXT, n INTEGER)"
	insertAna       = "INSERT INTO customers VALUES ('a1', 'ana@example.mx', 'Ana Peña', 'MX', 1)"
	insertBeto      = "INSERT INTO customers VALUES ('b2', 'beto@example.do', 'Beto Cruz', 'DO', 2)"
	selectAll       = "SELECT uid AS id, mail AS email, name, country FROM customers ORDER BY n"
)

// partnerDatabase makes a database that nobody has open any more.
func partnerDatabase(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "100% señor?#1.db")
	o := startOwner(t, path)
	o.exec(createCustomers)
	o.exec(statements...)
	o.close()
	return path
}

func readSQLite(t *testing.T, path, query string) result {
	t.Helper()
	var got result
	if err := ReadSQLite(context.Background(), path, query, got.each, got.bad); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadSQLite(t *testing.T) {
	path := partnerDatabase(t, insertAna, insertBeto,
		"CREATE TABLE odd (v DATE)", "INSERT INTO odd VALUES ('2026-01-31')",
		"CREATE VIEW everyone AS SELECT uid AS id, mail AS email, name, country FROM customers")
	const rest = ", 'ana@example.mx' AS email, 'Ana' AS name, 'MX' AS country"
	for _, tt := range []struct{ it, query, want, problems string }{
		{"reads all rows", selectAll, "1:a1 2:b2", ""},
		{"takes a semicolon and comments after the statement", selectAll + "; -- all\n/* ; */ ;", "1:a1 2:b2", ""},
		{"takes column names in any case and order", `SELECT country AS "COUNTRY", name AS Name, mail AS email, uid AS " Id" FROM customers WHERE n = 1`, "1:a1", ""},
		{"reads a view, functions and a recursive query", "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 2) SELECT lower(id) AS id, email, name, country FROM everyone, c WHERE x = 2", "1:a1 2:b2", ""},
		{"takes integers as text", "SELECT 77 AS id" + rest, "1:77", ""},
		{"takes NULL for empty", "SELECT 'a1' AS id, NULL AS status" + rest, "1:a1", ""},
		{"yields nothing for no rows", selectAll[:strings.Index(selectAll, " ORDER")] + " WHERE n > 9", "", ""},
		{"reports a NULL in a required column", "SELECT NULL AS id" + rest, "", "line 1, id: is required, but empty"},
		{"reports a bad row and goes on", "SELECT 'a/1' AS id" + rest + " UNION ALL SELECT 'a2'" + rest, "2:a2", "line 1, id: holds '/': expected letters without accents, digits and . _ ~ - only"},
		{"reports a floating-point number", "SELECT 7.5 AS id" + rest, "", "line 1, id: is a floating-point number: expected text or an integer"},
		{"reports a blob", "SELECT x'00' AS id" + rest, "", "line 1, id: is a blob: expected text or an integer"},
		{"reports a date that the driver rewrites", "SELECT 'a1' AS id, v AS external_id" + rest + " FROM odd", "", "line 1, external_id: comes from a column declared as date, time or boolean: expected text or an integer, so use CAST(… AS TEXT)"},
		{"reports bytes that are not UTF-8", "SELECT 'a1' AS id, CAST(x'f1' AS TEXT) AS external_id" + rest, "", "line 1, external_id: is not valid UTF-8"},
		{"reports a long value", "SELECT 'a1' AS id, hex(zeroblob(33000)) AS external_id" + rest, "", "line 1, external_id: is longer than 64 KiB"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			got := readSQLite(t, path, tt.query)
			if got.lines() != tt.want {
				t.Errorf("rows = %q, want %q", got.lines(), tt.want)
			}
			if diff := cmp.Diff(tt.problems, got.reports()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	got := readSQLite(t, path, selectAll)
	want := []Row{{1, anaUser()}, {2, pipeline.User{ID: "b2", Email: "beto@example.do", Name: "Beto Cruz", Country: pipeline.DO}}}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Error(diff)
	}
}

func TestReadSQLiteRefusesWhatIsNotOneSelect(t *testing.T) {
	path := partnerDatabase(t, insertAna)
	elsewhere := filepath.Join(t.TempDir(), "other.db")
	before := snapshotOf(t, path)
	for _, tt := range []struct{ it, query, want string }{
		{"an insert", insertBeto, "one SELECT"},
		{"an insert that returns rows", insertBeto + " RETURNING uid AS id, mail AS email, name, country", "one SELECT"},
		{"an update", "UPDATE customers SET country = 'DO'", "one SELECT"},
		{"a new table", "CREATE TABLE t (x)", "one SELECT"},
		{"a temporary table", "CREATE TEMP TABLE t (x)", "one SELECT"},
		{"a pragma", "PRAGMA query_only = 0", "one SELECT"},
		{"a pragma called as a function", "SELECT * FROM pragma_journal_mode", "one SELECT"},
		{"an attached database", "ATTACH '" + elsewhere + "' AS other", "one SELECT"},
		{"a copy to another file", "VACUUM INTO '" + elsewhere + "'", "database"},
		{"a transaction", "BEGIN IMMEDIATE", "one SELECT"},
		{"a second statement", selectAll + "; DELETE FROM customers", "more than one statement"},
		{"an empty query", " ; -- nothing", "the query is empty"},
		{"a syntax error", "SELEC id FROM customers", "syntax error"},
		{"an unknown table", "SELECT * FROM users", "no such table: users"},
		{"a parameter", selectAll + " LIMIT ?", "not enough args"},
		{"an answer without a required column", "SELECT uid AS id FROM customers", "missing column email, name, country"},
		{"an answer with an unknown column", "SELECT * FROM customers", `unknown column "uid"`},
		{"an answer with a column twice", "SELECT uid AS id, uid AS ID FROM customers", `column "id" occurs twice`},
		{"a huge value", "SELECT hex(zeroblob(600000)) AS id, 1 AS email, 1 AS name, 1 AS country", "longer than 1 MiB"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			err := ReadSQLite(context.Background(), path, tt.query, got.each, got.bad)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if len(got.rows) > 0 {
				t.Errorf("rows = %v", got.rows)
			}
		})
	}
	if diff := cmp.Diff(before, snapshotOf(t, path)); diff != "" {
		t.Errorf("the source changed:\n%s", diff)
	}
	if _, err := os.Stat(elsewhere); !errors.Is(err, os.ErrNotExist) {
		t.Error("a query created another file")
	}
}

func TestReadSQLiteRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := write("broken.db", "SQLite format 3\x00"+strings.Repeat("garbage", 500))
	for _, tt := range []struct{ it, path, want string }{
		{"a missing file", filepath.Join(dir, "missing.db"), "no such file"},
		{"a folder", dir, "not a regular file"},
		{"a text", write("users.csv", head+ana), "not a SQLite database"},
		{"an empty file", write("empty.db", ""), "not a SQLite database"},
		{"a database that is garbage after its first bytes", broken, "not a SQLite database"},
		{"a text with files beside it as if it were in use", func() string {
			write("used.db-wal", "")
			write("used.db-shm", "")
			return write("used.db", head+ana+strings.Repeat("x", 1000))
		}(), "not a SQLite database"},
		{"a link to nothing", func() string {
			link := filepath.Join(dir, "link.db")
			if err := os.Symlink("nowhere.db", link); err != nil {
				t.Fatal(err)
			}
			return link
		}(), "no such file"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			err := ReadSQLite(context.Background(), tt.path, selectAll, got.each, got.bad)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "missing.db")); err == nil {
		t.Error("a missing file was created")
	}
}

func TestReadSQLiteFollowsALink(t *testing.T) {
	path := partnerDatabase(t, "PRAGMA journal_mode = WAL", insertAna)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if got := readSQLite(t, link, selectAll); got.lines() != "1:a1" {
		t.Errorf("rows = %q", got.lines())
	}
}

func TestReadSQLiteLeavesNoTrace(t *testing.T) {
	for _, mode := range []string{"DELETE", "TRUNCATE", "PERSIST", "WAL"} {
		t.Run("a database in mode "+mode, func(t *testing.T) {
			path := partnerDatabase(t, "PRAGMA journal_mode = "+mode, insertAna)
			before := snapshotOf(t, path)
			if got := readSQLite(t, path, selectAll); got.lines() != "1:a1" {
				t.Errorf("rows = %q", got.lines())
			}
			if diff := cmp.Diff(before, snapshotOf(t, path)); diff != "" {
				t.Errorf("the folder changed:\n%s", diff)
			}
		})
	}
}

func TestReadSQLiteSeesTheLogOfARunningOwner(t *testing.T) {
	path := partnerDatabase(t, "PRAGMA journal_mode = WAL", insertAna)
	o := startOwner(t, path)
	o.exec(insertBeto) // committed, but in the log only
	before := snapshotOf(t, path)
	if got := readSQLite(t, path, selectAll); got.lines() != "1:a1 2:b2" {
		t.Errorf("rows = %q", got.lines())
	}
	if diff := cmp.Diff(before, snapshotOf(t, path)); diff != "" {
		t.Errorf("the folder changed:\n%s", diff)
	}
	o.exec("DELETE FROM customers WHERE n = 1")
	if got := readSQLite(t, path, selectAll); got.lines() != "1:b2" {
		t.Errorf("rows = %q after the owner wrote again", got.lines())
	}
	o.close()
	if got := readSQLite(t, path, selectAll); got.lines() != "1:b2" {
		t.Errorf("rows = %q after the owner ended", got.lines())
	}
	if files := snapshotOf(t, path); len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
}

func TestReadSQLiteSeesTheLogOfACrashedOwner(t *testing.T) {
	path := partnerDatabase(t, "PRAGMA journal_mode = WAL", insertAna)
	o := startOwner(t, path)
	o.exec(insertBeto)
	o.crash()
	if got := readSQLite(t, path, selectAll); got.lines() != "1:a1 2:b2" {
		t.Errorf("rows = %q", got.lines())
	}
	// A copy by hand often takes the log and forgets the index beside it.
	if err := os.Remove(path + "-shm"); err != nil {
		t.Fatal(err)
	}
	if got := readSQLite(t, path, selectAll); got.lines() != "1:a1 2:b2" {
		t.Errorf("rows = %q without the index", got.lines())
	}
	o = startOwner(t, path)
	o.exec("INSERT INTO customers VALUES ('c3', 'c@example.mx', 'Ce', 'MX', 3)")
	o.close()
	if got := readSQLite(t, path, selectAll); got.lines() != "1:a1 2:b2 3:c3" {
		t.Errorf("rows = %q after the owner came back", got.lines())
	}
}

func TestReadSQLiteNoticesAChangeUnderAnImmutableRead(t *testing.T) {
	path := partnerDatabase(t, "PRAGMA journal_mode = WAL", insertAna, insertBeto)
	var got result
	err := ReadSQLite(context.Background(), path, selectAll, func(r Row) error {
		o := startOwner(t, path)
		o.exec("DELETE FROM customers")
		o.close() // writes the log back into the file
		return got.each(r)
	}, got.bad)
	if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("error = %v", err)
	}
	if got.lines() != "1:a1" {
		t.Errorf("rows = %q, want only what was read before the change", got.lines())
	}
}

func TestReadSQLiteObeysItsContext(t *testing.T) {
	path := partnerDatabase(t, insertAna)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var got result
	if err := ReadSQLite(ctx, path, selectAll, got.each, got.bad); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v with a cancelled context", err)
	}
	const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x AS id, 'ana@example.mx' AS email, 'Ana' AS name, 'MX' AS country FROM c"
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	err := ReadSQLite(ctx, path, endless, func(r Row) error {
		if r.Line == 3 {
			cancel()
		}
		return nil
	}, got.bad)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
	stop := errors.New("disk full")
	if err := ReadSQLite(context.Background(), path, endless, func(Row) error { return stop }, got.bad); err != stop {
		t.Errorf("error = %v, want the caller's own", err)
	}
}

// snapshotOf hashes the database and every file beside it. The -shm file holds
// the marks of present readers, so that only its name counts.
func snapshotOf(t *testing.T, path string) map[string]string {
	t.Helper()
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-shm") {
			files[e.Name()] = ""
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return files
}
