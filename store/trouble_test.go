package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"alta/pipeline"
)

// A ledger that is full says so, keeps nothing of what did not fit, and forgets
// the trouble with the first write that succeeds.
func TestTroubleLastsUntilAWriteSucceeds(t *testing.T) {
	s := openAt(t, newPath(t))
	pages := func(n int) {
		t.Helper()
		if _, err := s.writes.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
			t.Fatal(err)
		}
	}
	enrolIDs(t, s, "ana")
	if err := s.Trouble(); err != nil {
		t.Errorf("trouble after a write that succeeded: %v", err)
	}
	pages(1) // no more than there are
	many := make([]pipeline.User, 500)
	for i := range many {
		many[i] = pipeline.User{ID: fmt.Sprintf("user-%d", i), Email: "a@example.com", Name: strings.Repeat("A", 100), Country: pipeline.MX}
	}
	_, err := s.Enrol(t.Context(), many, Imported, inviteAt(noon), noon)
	if f, ok := errors.AsType[*pipeline.Fault](err); !ok || f.Kind != pipeline.Outage || f.Code != pipeline.LedgerCode {
		t.Errorf("error is %v, want the outage of a ledger that can't be written", err)
	}
	if f, ok := errors.AsType[*pipeline.Fault](s.Trouble()); !ok || f.Code != pipeline.LedgerCode {
		t.Errorf("trouble is %v, want that of the latest write", s.Trouble())
	}
	if n := count(t, s, `SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users, want only the one from before", n)
	}
	pages(1 << 20)
	enrolIDs(t, s, "bob")
	if err := s.Trouble(); err != nil {
		t.Errorf("trouble after a write that succeeded: %v", err)
	}
}

// The lock is what counts, not the number in its file.
func TestAFullDiskKeepsNobodyFromTheLock(t *testing.T) {
	const full = "/dev/full" // takes no byte, and says that there is no space
	if _, err := os.Stat(full); err != nil {
		t.Skipf("no %s here", full)
	}
	s := openAt(t, newPath(t))
	if err := os.Remove(s.Path() + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(full, s.Path()+".lock"); err != nil {
		t.Fatal(err)
	}
	lock, err := s.LockSoon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}
