package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process runs the pipeline on this ledger.
var ErrLocked = errors.New("another alta runs the pipeline on this ledger")

// Lock is the right to run the pipeline. One process at a time has it; the
// operating system takes it back when its owner dies, so whoever gets it knows
// that every claimed row is an orphan.
type Lock struct{ file *flock.Flock }

// migrationPatience is how long a migration waits for another process.
const migrationPatience = 10 * time.Second

// migrationGlance is how often it looks meanwhile whether the other one has migrated.
const migrationGlance = 100 * time.Millisecond

// Lock takes the right to run the pipeline, or returns an error that wraps
// [ErrLocked] and names the process that has it.
func (s *Store) Lock() (*Lock, error) {
	return lock(s.path, (*flock.Flock).TryLock)
}

// Idle tells whether no process runs the pipeline on this ledger just now.
func (s *Store) Idle() (bool, error) {
	l, err := s.Lock()
	if errors.Is(err, ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, l.Unlock()
}

// LockSoon is Lock, but waits a second for a process that only looks.
func (s *Store) LockSoon(ctx context.Context) (*Lock, error) {
	return waitForLock(ctx, s.path, time.Second)
}

// waitForLock takes the right as [Store.Lock] does, but waits a while for it.
func waitForLock(ctx context.Context, path string, patience time.Duration) (*Lock, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return lock(path, func(l *flock.Flock) (bool, error) {
		ok, err := l.TryLockContext(waiting, 20*time.Millisecond)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return false, nil
		}
		return ok, err
	})
}

func lock(ledger string, take func(*flock.Flock) (bool, error)) (*Lock, error) {
	path := ledger + ".lock"
	if f, err := createPrivate(path); err == nil {
		_ = f.Close() // otherwise it is there, or opening it below says what is wrong
	}
	l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := take(l)
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		_ = l.Close()
		return nil, fmt.Errorf("%w (%s)", ErrLocked, owner(path))
	}
	// The number is for people; the lock itself is what counts, and on a full disk
	// there is one without the other.
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return &Lock{file: l}, nil
}

// Unlock gives the right back.
func (l *Lock) Unlock() error { return l.file.Close() }

func owner(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "process unknown"
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 64)) // a number, unless somebody else wrote it
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || convErr != nil {
		return "process unknown"
	}
	return fmt.Sprintf("process %d", pid)
}
