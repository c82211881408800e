package roster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReadSQLiteStopsAtTooManyRows(t *testing.T) {
	path := partnerDatabase(t, insertAna, insertBeto)
	for _, tt := range []struct {
		it   string
		most int
		want string
	}{
		{"takes as many as are allowed", 2, ""},
		{"refuses one more", 1, "more than 1 rows"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			var got result
			err := querySQLite(context.Background(), path, selectAll, tt.most, newSink(got.each, got.bad))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if len(got.rows) != tt.most {
				t.Errorf("%d rows, want %d", len(got.rows), tt.most)
			}
		})
	}
}

// The schema belongs to whoever writes the file, so a harmless query can run
// what somebody put into a view of that name.
func TestReadSQLiteDoesNotTrustTheSchema(t *testing.T) {
	const rest = ", 'ana@example.mx' AS email, 'Ana' AS name, 'MX' AS country"
	for _, tt := range []struct{ it, view, want string }{
		{"a view that loads a library", "SELECT load_extension('/tmp/x.so') AS id" + rest, "source database"},
		{"a view that reads the settings of a connection", "SELECT journal_mode AS id" + rest + " FROM pragma_journal_mode", "source database"},
		{"a view that makes a huge value", "SELECT hex(zeroblob(900000)) AS id" + rest, "longer than 1 MiB"},
		{"a view that counts for ever", "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) AS id" + rest + " FROM c", "deadline"},
		{"a view of itself", "SELECT * FROM everyone", "circularly defined"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			path := partnerDatabase(t, "CREATE VIEW everyone AS "+tt.view)
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			var got result
			err := ReadSQLite(ctx, path, "SELECT * FROM everyone", got.each, got.bad)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if tt.want == "deadline" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v, want the context's", err)
			}
			if len(got.rows) > 0 {
				t.Errorf("rows %v", got.rows)
			}
		})
	}
}

// Whatever is wrong with the bytes of the file, reading it ends with an error or
// with rows that are checked like any other, and leaves no file behind.
func TestReadSQLiteSurvivesADamagedFile(t *testing.T) {
	path := partnerDatabase(t, insertAna, insertBeto, "CREATE INDEX by_n ON customers (n)",
		"CREATE VIEW everyone AS SELECT uid AS id, mail AS email, name, country FROM customers")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	damaged := filepath.Join(dir, "damaged.db")
	rapid.Check(t, func(rt *rapid.T) {
		file := bytes.Clone(whole)
		for range rapid.IntRange(1, 20).Draw(rt, "changes") {
			// Most of the file is empty: what tells is at the ends of a page.
			page := rapid.IntRange(0, len(file)/4096-1).Draw(rt, "page") * 4096
			at := rapid.OneOf(rapid.IntRange(0, 120), rapid.IntRange(3500, 4095)).Draw(rt, "offset")
			file[page+at] = rapid.Byte().Draw(rt, "byte")
		}
		file = file[:rapid.OneOf(rapid.Just(len(file)), rapid.IntRange(0, len(file))).Draw(rt, "length")]
		if err := os.WriteFile(damaged, file, 0o600); err != nil {
			rt.Fatal(err)
		}
		for _, query := range []string{selectAll, "SELECT * FROM everyone"} {
			var got result
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			err := ReadSQLite(ctx, damaged, query, got.each, got.bad)
			cancel()
			if err == nil || !errors.Is(err, context.DeadlineExceeded) {
				checkResult(t, got)
				continue
			}
			rt.Fatalf("%v", err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			rt.Fatalf("files %v, %v", entries, err)
		}
	})
}

func TestReadSQLiteGivesUpOnALockedDatabase(t *testing.T) {
	t.Parallel() // it waits for five seconds
	path := partnerDatabase(t, insertAna)
	o := startOwner(t, path)
	o.exec("BEGIN EXCLUSIVE")
	var got result
	err := ReadSQLite(context.Background(), path, selectAll, got.each, got.bad)
	if err == nil || !strings.Contains(err.Error(), "keeps the database locked") {
		t.Errorf("error = %v", err)
	}
}
