package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestNobodyElseMayReadTheFiles(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := newPath(t)
	s := openAt(t, path)
	enrolIDs(t, s, "ana")
	lock, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if err := s.Backup(t.Context(), path+".bak"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock", ".bak"} {
		if mode := modeOf(t, path+suffix); mode != 0o600 {
			t.Errorf("mode of alta.db%s is %v, want 0600", suffix, mode)
		}
	}
}

func TestALedgerThatOthersCouldReadIsClosedToThem(t *testing.T) {
	path := newPath(t)
	makeLedger(t, path)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	enrolIDs(t, s, "bob")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if mode := modeOf(t, path+suffix); mode != 0o600 {
			t.Errorf("mode of alta.db%s is %v, want 0600", suffix, mode)
		}
	}
}

func TestALogThatOthersCouldReadIsClosedToThem(t *testing.T) {
	path := newPath(t)
	openAt(t, path) // keeps the log there
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	openAt(t, path)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if mode := modeOf(t, path+suffix); mode != 0o600 {
			t.Errorf("mode of alta.db%s is %v, want 0600", suffix, mode)
		}
	}
}

func TestWhatIsNotALedgerIsRefusedAndLeftAsItIs(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"a text file", fileOf([]byte(strings.Repeat("id,email,name,country\n", 100))), "not a SQLite database"},
		{"a short text file", fileOf([]byte("hello\n")), "not a SQLite database"},
		{"a SQLite header and nothing else", fileOf([]byte("SQLite format 3\x00")), "not a SQLite database"},
		{"another program's database", statements(`CREATE TABLE theirs (a)`, `INSERT INTO theirs VALUES (1)`), "something else"},
		{"another program's database in WAL mode", statements(`PRAGMA journal_mode = WAL`, `CREATE TABLE theirs (a)`), "something else"},
		{"another program's database without tables", statements(`PRAGMA application_id = 7`, `CREATE TABLE t (a)`, `DROP TABLE t`), "something else"},
		{"a table of the same name without alta's mark", statements(`CREATE TABLE goose_db_version (version_id INTEGER)`), "something else"},
		{"a damaged ledger", damagedLedger, "damaged"},
		{"a ledger of a newer alta", newerLedger, "newer alta"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			c.make(t, path)
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			filesBefore, bytesBefore := filesNextTo(t, path), contents(t, path)
			s, err := Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %q, want it to name the file and say %q", err, c.want)
			}
			if !bytes.Equal(contents(t, path), bytesBefore) {
				t.Error("its bytes changed")
			}
			if mode := modeOf(t, path); mode != 0o644 {
				t.Errorf("its mode changed to %v", mode)
			}
			if got := filesNextTo(t, path); !slices.Equal(got, filesBefore) {
				t.Errorf("files are %q, want %q", got, filesBefore)
			}
		})
	}
}

func TestWhereNoLedgerCanBeIsRefused(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct{ name, path, want string }{
		{"a folder that does not exist", filepath.Join(folder, "no", "alta.db"), "does not exist"},
		{"a folder", folder, "it is a folder"},
		{"a file in the place of the folder", filepath.Join(folder, "file", "alta.db"), "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), c.path)
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want it to say %q", err, c.want)
			}
		})
	}
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	for _, name := range []string{
		"what?.db", "100%.db", "a%20b.db", "a#b.db", "a b.db", "ñandú.db", ":memory:", "file:x.db", "a&b=c.db", "it's.db", "a?mode=memory",
	} {
		for kind, path := range map[string]string{"absolute": filepath.Join(t.TempDir(), name), "relative": name} {
			t.Run(kind+" "+name, func(t *testing.T) {
				if kind == "relative" {
					t.Chdir(t.TempDir())
				}
				makeLedger(t, path)
				s := openAt(t, path)
				if n := count(t, s, `SELECT count(*) FROM users`); n != 1 {
					t.Errorf("it holds %d users, want 1", n)
				}
				backup := strings.TrimSuffix(path, name) + "backup of " + name
				if err := s.Backup(t.Context(), backup); err != nil {
					t.Fatal(err)
				}
				if info, err := os.Stat(backup); err != nil || info.Size() == 0 {
					t.Errorf("the backup is not there: %v", err)
				}
				want := []string{name, name + "-shm", name + "-wal", name + ".lock", "backup of " + name}
				slices.Sort(want)
				if got := filesNextTo(t, path); !slices.Equal(got, want) {
					t.Errorf("files are %q, want %q", got, want)
				}
			})
		}
	}
}

func TestAnEmptyFileBecomesALedger(t *testing.T) {
	path := newPath(t)
	fileOf(nil)(t, path)
	s := openAt(t, path)
	var mode string
	if err := s.reads.QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode is %q (%v), want wal", mode, err)
	}
	if id := count(t, s, `PRAGMA application_id`); id != applicationID {
		t.Errorf("application id is %x, want %x", id, applicationID)
	}
	if n := count(t, s, `SELECT max(version_id) FROM goose_db_version`); n != 10 {
		t.Errorf("schema version is %d, want 10", n)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpeningAgainWritesNothing(t *testing.T) {
	path := newPath(t)
	makeLedger(t, path)
	before := contents(t, path)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(contents(t, path), before) {
		t.Error("the bytes changed")
	}
}

func TestProcessesMayMakeAndFillALedgerTogether(t *testing.T) {
	path := newPath(t)
	const processes = 4
	wait := make([]func() error, processes)
	for i := range wait {
		cmd := startChild(t, "enrol", path)
		var output bytes.Buffer
		cmd.Stderr = &output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait[i] = func() error {
			if err := cmd.Wait(); err != nil {
				return fmt.Errorf("%w: %s", err, output.String())
			}
			return nil
		}
	}
	for _, w := range wait {
		if err := w(); err != nil {
			t.Error(err)
		}
	}
	s := openAt(t, path)
	if n := count(t, s, `SELECT count(*) FROM users`); n != processes*50 {
		t.Errorf("the ledger holds %d users, want %d", n, processes*50)
	}
}

// makeLedger leaves a closed ledger with one user.
func makeLedger(t *testing.T, path string) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	enrolIDs(t, s, "ana")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func fileOf(content []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// statements makes a SQLite file without any help of the package.
func statements(all ...string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		db, err := sql.Open("sqlite3", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		for _, statement := range all {
			if _, err := db.ExecContext(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func damagedLedger(t *testing.T, path string) {
	makeLedger(t, path)
	content := contents(t, path)
	for i := 100; i < 4096; i++ { // the page that holds the schema, behind the header
		content[i] = 0xff
	}
	fileOf(content)(t, path)
}

func newerLedger(t *testing.T, path string) {
	makeLedger(t, path)
	statements(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)(t, path)
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func filesNextTo(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
