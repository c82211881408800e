package app

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"
)

// A ledger that is damaged when alta starts: it says so in plain words, mails
// nobody, and leaves every byte as it is, for whoever can rescue it.
func TestADamagedLedgerMailsNobody(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string)
		says   string
	}{
		{"Its header is zeros.", zeroHeader, "not a SQLite database"},
		{"Garbage begins behind its first page.", garbageFrom(4096), "restore a backup"},
		{"It is cut short.", cutShort, "restore a backup"},
		{"It is cut to nothing but its first page.", cutToFirstPage, "restore a backup"},
		{"Another program's database lies in its place.", foreignDatabase, "something else"},
		{"Its write-ahead log is garbage.", garbageLog, "write-ahead log"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, quietPlan(2)...)
			w.importMany(20)
			test.damage(t, w.path("alta.db"))
			before := ledgerBytes(t, w)
			for range 2 {
				run := w.launch(w.command("run"))
				if status := run.wait(); status != exitOutage {
					t.Errorf("exit status %d, want 3", status)
				}
				if said := run.log.String(); !strings.Contains(said, test.says) || strings.Contains(said, "goroutine") {
					t.Errorf("it says %q, want %q", said, test.says)
				}
			}
			for name, was := range before {
				if is := ledgerBytes(t, w)[name]; !bytes.Equal(is, was) {
					t.Errorf("the bytes of %s changed", name)
				}
			}
			if n := w.transactions(); n > 0 {
				t.Errorf("%d mails were begun", n)
			}
		})
	}
}

// Damage that shows only in mid-run: the run ends, and no later one mails
// anybody, so that nobody gets a second mail. What is spoiled stays as it is.
func TestDamageInMidRunDoublesNothing(t *testing.T) {
	for _, test := range []struct {
		name, table string
		least, most int // mails that go out before it shows
	}{
		{"It shows before a mail begins.", "deliveries", 0, 0},
		{"It shows when a link is kept.", "links", 0, 0},
		{"It shows when a mail is out: those of the two workers are the last.", "attempts", 1, 4},
		{"It shows when a mail is out, and not where mails in doubt are settled.", "funnel_counts", 1, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, quietPlan(2)...)
			w.importMany(20)
			from, to := damagePage(t, w.path("alta.db"), test.table)
			spoiled := ledgerBytes(t, w)["alta.db"][from:to]
			for i := range 3 {
				run := w.launch(w.command("run"))
				if status := run.wait(); status != exitOutage || !strings.Contains(run.log.String(), "restore a backup") {
					t.Errorf("run %d ends with status %d and says %q", i, status, run.log)
				}
			}
			if n := w.transactions(); n < test.least || n > test.most {
				t.Errorf("%d mails were begun, want %d to %d", n, test.least, test.most)
			}
			for i := range 20 {
				if n := len(w.mailsTo(badDiskAddress(i))); n > 1 {
					t.Errorf("user %d got %d mails", i, n)
				}
			}
			if !bytes.Equal(ledgerBytes(t, w)["alta.db"][from:to], spoiled) {
				t.Error("the spoiled page was written over")
			}
		})
	}
}

// A daemon that meets damage in mid-run starts no mail again, slot after slot.
func TestTheDaemonStopsMailingOnDamage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, append(quietPlan(2), always)...)
	w.importMany(20)
	damagePage(t, w.path("alta.db"), "attempts")
	d := w.serve()
	w.eventually("three slots that fail", func() bool {
		return strings.Count(d.log.String(), "the run failed; the next one tries again") >= 3
	})
	d.says("restore a backup")
	for i := range 20 {
		if n := len(w.mailsTo(badDiskAddress(i))); n > 1 {
			t.Errorf("user %d got %d mails", i, n)
		}
	}
	if n := w.transactions(); n > 4 {
		t.Errorf("%d mails were begun, want those of two workers", n)
	}
}

func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, how(content), 0o600))
}

func zeroHeader(t *testing.T, path string) {
	change(t, path, func(b []byte) []byte { clear(b[:100]); return b })
}

func garbageFrom(at int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		change(t, path, func(b []byte) []byte { _, _ = rand.Read(b[at:]); return b })
	}
}

// damagePage spoils the first page of a table or an index, and returns where it
// lies.
func damagePage(t *testing.T, path, table string) (from, to int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	check(t, err)
	page := number(t, db, `SELECT rootpage FROM sqlite_schema WHERE name = ?`, table)
	check(t, db.Close())
	from, to = (page-1)*4096, page*4096
	change(t, path, func(b []byte) []byte { _, _ = rand.Read(b[from:to]); return b })
	return from, to
}

func cutShort(t *testing.T, path string) {
	change(t, path, func(b []byte) []byte { return b[:len(b)/2/4096*4096] })
}

func cutToFirstPage(t *testing.T, path string) {
	change(t, path, func(b []byte) []byte { return b[:4096] })
}

func foreignDatabase(t *testing.T, path string) {
	check(t, os.Remove(path))
	db, err := sql.Open("sqlite3", "file:"+path)
	check(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)`)
	check(t, err)
	check(t, db.Close())
}

func garbageLog(t *testing.T, path string) {
	garbage := make([]byte, 32+2*(24+4096))
	_, _ = rand.Read(garbage)
	check(t, os.WriteFile(path+"-wal", garbage, 0o600))
}

func ledgerBytes(t *testing.T, w *world) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"alta.db", "alta.db-wal"} {
		if content, err := os.ReadFile(w.path(name)); err == nil {
			all[name] = content
		}
	}
	return all
}
