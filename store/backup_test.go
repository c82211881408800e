package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestABackupOfALiveLedgerIsWhole(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	enrolIDs(t, s, "first")
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				enrolIDs(t, s, fmt.Sprintf("user-%d", i))
			}
		}
	})
	for i := range 3 {
		if err := s.Backup(t.Context(), fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writing.Wait()

	for i := range 3 {
		b := openAt(t, fmt.Sprintf("%s.%d", path, i))
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
		users, due := count(t, b, `SELECT count(*) FROM users`), count(t, b, `SELECT count(*) FROM deliveries WHERE state = 'due'`)
		if users == 0 || users != due {
			t.Errorf("backup %d holds %d users and %d deliveries, want as many of each", i, users, due)
		}
		var mode string
		if err := b.reads.QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
			t.Errorf("backup %d is opened in journal mode %q (%v), want wal", i, mode, err)
		}
		enrolIDs(t, b, "after")
	}
}

func TestABackupOverwritesNothing(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	taken := filepath.Join(filepath.Dir(path), "taken")
	fileOf([]byte("precious"))(t, taken)
	err := s.Backup(t.Context(), taken)
	if err == nil || !strings.Contains(err.Error(), "the file exists") {
		t.Errorf("error is %v, want that the file exists", err)
	}
	if !bytes.Equal(contents(t, taken), []byte("precious")) {
		t.Error("the file changed")
	}
	if err := s.Backup(t.Context(), filepath.Join(filepath.Dir(path), "no", "backup")); err == nil {
		t.Error("backed up into a folder that does not exist")
	}
}

func TestAFailedBackupLeavesNoFile(t *testing.T) {
	path := newPath(t)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fileOf(bytes.Repeat([]byte("garbage "), 1000))(t, path)
	before := filesNextTo(t, path)
	if err := s.Backup(t.Context(), path+".bak"); err == nil {
		t.Error("garbage was backed up")
	}
	if got := filesNextTo(t, path); !slices.Equal(got, before) {
		t.Errorf("files are %q, want %q", got, before)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	path := newPath(t)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	enrolIDs(t, s, "ana")
	page := count(t, s, `SELECT rootpage FROM sqlite_schema WHERE name = 'users_email'`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content := contents(t, path)
	copy(content[(page-1)*4096:], bytes.Repeat([]byte{0xff}, 100))
	fileOf(content)(t, path)
	if err := openAt(t, path).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("error is %v, want that a backup be restored", err)
	}
}
