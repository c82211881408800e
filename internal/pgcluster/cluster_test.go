package pgcluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
)

func TestStartAndStop(t *testing.T) {
	pgtest.Require(t)
	begun := time.Now()
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("it took %v", time.Since(begun))
	checkValue(t, c.URL("postgres"), "SELECT current_user::text", "postgres")
	if !strings.Contains(c.Log(), "ready to accept connections") {
		t.Errorf("the log is %q", c.Log())
	}
	pids, err := c.ServerPIDs()
	if err != nil || len(pids) < 2 {
		t.Errorf("it has the processes %v, and the error %v", pids, err)
	}
	for range 2 {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}
	checkGone(t, pids)
	if _, err := os.Stat(c.Folder()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := c.Restart(t.Context()); err == nil {
		t.Error("it restarted after it was stopped")
	}
	if err := c.Kill(); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	quick := pgtest.Shared(t).URL("postgres")
	checkValue(t, quick, "SHOW fsync", "off")
	checkValue(t, quick, "SHOW synchronous_commit", "on")
	checkValue(t, quick, "SHOW max_connections", "300")
	checkValue(t, quick, "SHOW timezone", "UTC")

	const odd = `it's a "name" \ more`
	durable := pgtest.Start(t, pgcluster.Options{Durable: true, Settings: map[string]string{
		"max_connections": "20", "alta.odd": odd,
	}}).URL("postgres")
	checkValue(t, durable, "SHOW fsync", "on")
	checkValue(t, durable, "SHOW full_page_writes", "on")
	checkValue(t, durable, "SHOW max_connections", "20")
	checkValue(t, durable, "SHOW alta.odd", odd)
}

func TestStartFailsWithTheLog(t *testing.T) {
	pgtest.Require(t)
	temp := privateTemp(t)
	_, err := pgcluster.Start(t.Context(), pgcluster.Options{Settings: map[string]string{"shared_buffers": "plenty"}})
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers": "plenty"`) {
		t.Errorf("got the error %v", err)
	}
	checkEmpty(t, temp)
}

func TestStartEndsWithItsContext(t *testing.T) {
	pgtest.Require(t)
	temp := privateTemp(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // in the midst of initdb
	defer cancel()
	if _, err := pgcluster.Start(ctx, pgcluster.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got the error %v", err)
	}
	checkEmpty(t, temp)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	_, err := pgcluster.StartOn(ctx, func() (int, error) {
		cancel() // just before the server starts
		return pgcluster.FreePort()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	checkEmpty(t, temp)
}

func TestStartTakesAnotherPort(t *testing.T) {
	pgtest.Require(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	asked := 0
	c, err := pgcluster.StartOn(t.Context(), func() (int, error) {
		if asked++; asked <= 2 {
			return taken.Addr().(*net.TCPAddr).Port, nil
		}
		return pgcluster.FreePort()
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 3 || c.Addr() == taken.Addr().String() {
		t.Errorf("it asked %d times and is on %s", asked, c.Addr())
	}
	checkValue(t, c.URL("postgres"), "SELECT 'yes'", "yes")
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestKillAndRestart(t *testing.T) {
	c := pgtest.Start(t, pgcluster.Options{Durable: true})
	url := pgtest.NewDatabase(t, c)
	execute(t, url, "CREATE TABLE kept (x text)", "INSERT INTO kept VALUES ('yes')")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	pids, err := c.ServerPIDs()
	if err != nil {
		t.Fatal(err)
	}
	addr := c.Addr()
	for range 2 {
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	checkGone(t, pids)
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection outlived the server")
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Addr() != addr {
		t.Errorf("it moved from %s to %s", addr, c.Addr())
	}
	checkValue(t, url, "SELECT x FROM kept", "yes")
	if !strings.Contains(c.Log(), "automatic recovery in progress") {
		t.Errorf("that was no crash:\n%s", c.Log())
	}
}

func TestRestartOfARunningServer(t *testing.T) {
	c := pgtest.Start(t, pgcluster.Options{})
	url := pgtest.NewDatabase(t, c)
	execute(t, url, "CREATE TABLE kept (x text)", "INSERT INTO kept VALUES ('yes')", "ALTER SYSTEM SET max_connections = 30")
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkValue(t, url, "SELECT x FROM kept", "yes")
	checkValue(t, url, "SHOW max_connections", "30")
	if strings.Contains(c.Log(), "automatic recovery in progress") {
		t.Errorf("that was a crash:\n%s", c.Log())
	}
}

func TestStopAfterKill(t *testing.T) {
	pgtest.Require(t)
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	segment := sharedMemory(t, c)
	if err := c.Kill(); err != nil {
		t.Error(err)
	}
	if !hasSharedMemory(t, segment) {
		t.Errorf("a crash leaves no segment %s behind, so nothing is tested here", segment)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.Folder()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if hasSharedMemory(t, segment) {
		t.Errorf("it left the segment %s of shared memory behind", segment)
	}
}

func TestServerThatEndedByItself(t *testing.T) {
	pgtest.Require(t)
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endFromOutside(t, c)
	if err := c.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	checkValue(t, c.URL("postgres"), "SELECT 'yes'", "yes")
	endFromOutside(t, c)
	if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "the server had ended before: exit status 0") {
		t.Errorf("got the error %v", err)
	}
}

func TestServerDiesWithItsOwner(t *testing.T) {
	pgtest.Require(t)
	temp := privateTemp(t)
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), ownerTask+"=1", "TMPDIR="+temp)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var c owned
	if err := json.NewDecoder(out).Decode(&c); err != nil {
		t.Error(err)
	} else {
		checkValue(t, c.URL, "SELECT 'yes'", "yes")
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it says that it was killed
	if c.Server == 0 {
		return
	}
	waitUntil(t, "the server is gone", func() bool { return !pgcluster.IsAlive(c.Server) })
	if _, err := os.Stat(c.Folder); err != nil {
		t.Error("nothing was left to sweep", err)
	}
	next, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := next.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) != 1 || left[0] != next.Folder() {
		t.Errorf("the next one left %v, and the error %v", left, err)
	}
}
