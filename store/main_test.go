package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/pipeline"
)

// childTask names, for a process that the tests start from their own binary,
// what it does with the ledger named by childPath.
const (
	childTask = "STORE_TEST_TASK"
	childPath = "STORE_TEST_LEDGER"
)

func TestMain(m *testing.M) {
	task, path := os.Getenv(childTask), os.Getenv(childPath)
	if task == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := child(context.Background(), task, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child does a task in a process of its own.
func child(ctx context.Context, task, path string) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	switch task {
	case "lock":
		if _, err := s.Lock(); err != nil {
			return err
		}
		fmt.Println("locked")
		<-ctx.Done() // held until the process is killed
	case "enrol":
		for i := range 50 {
			u := pipeline.User{ID: fmt.Sprintf("%d-%d", os.Getpid(), i), Email: "a@example.com", Name: "A", Country: pipeline.MX}
			if _, err := s.Enrol(ctx, []pipeline.User{u}, Imported, inviteAt(noon), noon); err != nil {
				return err
			}
		}
	}
	return s.Close()
}

func startChild(t *testing.T, task, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path)
	return cmd
}

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// inviteAt plans an invite for every pending user who has had no mail.
func inviteAt(due time.Time) Planner {
	return func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
		return pipeline.Next{Step: pipeline.Invite, DueAt: due}, u.Status == pipeline.Pending && h.Mails == 0
	}
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "alta.db") }

// openAt opens the ledger and closes it when the test ends.
func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UseKey(context.Background(), testKey(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testKey is the same data key for every ledger of the tests.
func testKey(t testing.TB) *Key {
	t.Helper()
	k, err := ParseKey(pipeline.NewSecret(strings.Repeat("5a", KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func enrolIDs(t testing.TB, s *Store, ids ...string) {
	t.Helper()
	var users []pipeline.User
	for _, id := range ids {
		users = append(users, pipeline.User{ID: id, Email: id + "@example.com", Name: "Name", Country: pipeline.MX})
	}
	if _, err := s.Enrol(context.Background(), users, Imported, inviteAt(noon), noon); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.reads.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
