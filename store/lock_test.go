package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheLockOfAnotherProcess(t *testing.T) {
	path := newPath(t)
	holder := startChild(t, "lock", path)
	output, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the other process said %q (%v)", line, err)
	}

	s := openAt(t, path)
	enrolIDs(t, s, "ana") // the lock is for the pipeline; others may read and write
	if idle, err := s.Idle(); idle || err != nil {
		t.Errorf("idle is %v (%v) while another process has the lock", idle, err)
	}
	_, err = s.Lock()
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", holder.Process.Pid)) {
		t.Errorf("error is %v, want ErrLocked with process %d", err, holder.Process.Pid)
	}

	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	lock, err := s.Lock()
	if err != nil {
		t.Fatalf("the lock outlived its owner: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
	if idle, err := s.Idle(); !idle || err != nil {
		t.Errorf("idle is %v (%v) while nobody has the lock", idle, err)
	}
}

func TestTheLockIsTakenOnceAndGivenBack(t *testing.T) {
	s := openAt(t, newPath(t))
	for range 2 {
		lock, err := s.Lock()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lock(); !errors.Is(err, ErrLocked) {
			t.Errorf("error is %v, want ErrLocked", err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoMigrationWhileTheLockIsTaken(t *testing.T) {
	path := newPath(t)
	held, err := waitForLock(t.Context(), path, migrationPatience)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if s, err := Open(ctx, path); err == nil {
		_ = s.Close()
		t.Error("the schema was made while another process had the lock")
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
}

func TestOneLedgerHasOneLockWhateverItIsCalled(t *testing.T) {
	path := newPath(t)
	first := openAt(t, path)
	lock, err := first.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	}()
	alias := filepath.Join(t.TempDir(), "alias.db")
	if err := os.Symlink(path, alias); err != nil {
		t.Fatal(err)
	}
	second := openAt(t, alias)
	if _, err := second.Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("the ledger was locked twice by two names: %v", err)
	}
	if idle, err := second.Idle(); idle || err != nil {
		t.Errorf("idle %v, error %v, want a ledger at work", idle, err)
	}
}
