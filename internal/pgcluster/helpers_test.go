package pgcluster_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
)

// privateTemp is a folder for temporary files that the user of the server reaches.
func privateTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgcluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	return dir
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left, and the error %v", left, err)
	}
}

func checkGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if pgcluster.IsAlive(pid) {
			t.Errorf("the process %d of the server is still there", pid)
		}
	}
}

// endFromOutside shuts the server down, and not by the cluster.
func endFromOutside(t *testing.T, c *pgcluster.Cluster) {
	t.Helper()
	if err := syscall.Kill(c.ServerPID(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-c.Exited()
}

// sharedMemory names the segment that a server takes for itself.
func sharedMemory(t *testing.T, c *pgcluster.Cluster) (id string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Folder(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		t.Fatalf("the server describes itself as %q", text)
	}
	_, id, _ = strings.Cut(strings.TrimSpace(lines[6]), " ")
	return strings.TrimSpace(id)
}

func hasSharedMemory(t *testing.T, id string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == id {
			return true
		}
	}
	return false
}

// waitUntil polls for what happens in another process.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the test may have cut it
	return conn
}

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func checkValue(t *testing.T, url, query, want string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Error(err)
		return
	}
	var got string
	if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil || got != want {
		t.Errorf("%s gives %q and the error %v, want %q", query, got, err, want)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
