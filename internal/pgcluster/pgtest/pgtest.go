// Package pgtest gives PostgreSQL servers to tests. A test that can't have one
// because none is installed skips, and fails instead where ALTA_REQUIRE_REAL is
// set.
//
// A package whose tests use Shared ends the server in its TestMain:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.M{M: m}) }
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/pgcluster"
)

// patience is how long a server may take for a request, on a machine that runs
// many tests at once.
const patience = time.Minute

// shared is the cluster of Shared. It is global because tests of a process have
// nothing else in common, and a server for each would cost a second each.
var shared struct {
	sync.Mutex
	cluster *pgcluster.Cluster
	err     error // of the first attempt; a second one would fail as slowly
}

// M is a testing.M that calls CloseShared after the tests.
type M struct{ *testing.M }

// Run runs the tests and returns the status with which the process shall exit.
func (m M) Run() (status int) {
	status = m.M.Run()
	if err := CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(status, 1)
	}
	return status
}

// Require skips the test if PostgreSQL is not installed. It fails the test
// instead where somebody counts on a server: with ALTA_REQUIRE_REAL, and with an
// ALTA_PG_BIN that holds none.
func Require(t testing.TB) {
	t.Helper()
	if _, err := pgcluster.Find(); err != nil {
		goWithout(t, err)
	}
}

func goWithout(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("ALTA_REQUIRE_REAL") != "" || os.Getenv("ALTA_PG_BIN") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Shared returns the one cluster that all tests of the process share. A test must
// not kill or restart it, and has a database of its own in it by NewDatabase.
// CloseShared stops it.
func Shared(t testing.TB) *pgcluster.Cluster {
	t.Helper()
	Require(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		shared.cluster, shared.err = pgcluster.Start(ctx, pgcluster.Options{})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// CloseShared stops the cluster of Shared, if a test has asked for it. Every
// TestMain of a package that uses Shared calls it after m.Run, or leaves that to M.
func CloseShared() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return nil
	}
	err := shared.cluster.Stop()
	shared.cluster = nil
	return err
}

// Start starts a cluster that the test has for itself, to kill and restart it. It
// is stopped when the test ends.
func Start(t testing.TB, options pgcluster.Options) *pgcluster.Cluster {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pgcluster.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// NewDatabase creates an empty database and returns its URL. It is dropped when
// the test ends, whoever is still connected to it.
func NewDatabase(t testing.TB, c *pgcluster.Cluster) (url string) {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.CreateDatabase(ctx, name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// It goes with its cluster at the latest, and a test may have killed that.
		if err := c.DropDatabase(ctx, name); err != nil {
			t.Log(err)
		}
	})
	return c.URL(name)
}

// NewProxy makes a proxy that is closed when the test ends.
func NewProxy(t testing.TB, target string) *pgcluster.Proxy {
	t.Helper()
	p, err := pgcluster.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
