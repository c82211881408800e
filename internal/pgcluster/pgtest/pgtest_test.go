package pgtest

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"alta/internal/pgcluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(M{M: m}) }

func TestSharedIsOne(t *testing.T) {
	first := Shared(t)
	if second := Shared(t); second != first {
		t.Errorf("the first is on %s and the second on %s", first.Addr(), second.Addr())
	}
	for range 2 {
		if err := CloseShared(); err != nil {
			t.Error(err)
		}
	}
	if third := Shared(t); third == first {
		t.Error("it was not closed")
	}
}

func TestOwnServerBehindAProxy(t *testing.T) {
	c := Start(t, pgcluster.Options{Durable: true})
	proxy := NewProxy(t, c.Addr())
	conn, err := pgx.Connect(t.Context(), proxy.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var fsync string
	if err := conn.QueryRow(t.Context(), "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync is %q, and the error %v", fsync, err)
	}
}

func TestWithoutServer(t *testing.T) {
	missing := errors.New("there is none")
	for _, c := range []struct {
		name, variable string
		fails          bool
	}{
		{"nobody counts on one", "ALTA_OTHER", false},
		{"one is required", "ALTA_REQUIRE_REAL", true},
		{"one is named", "ALTA_PG_BIN", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("ALTA_REQUIRE_REAL", "")
			t.Setenv("ALTA_PG_BIN", "")
			t.Setenv(c.variable, "/nowhere")
			var verdict recorder
			goWithout(&verdict, missing)
			if verdict.failed != c.fails || !verdict.failed && !verdict.skipped {
				t.Errorf("it failed: %v, it skipped: %v", verdict.failed, verdict.skipped)
			}
		})
	}
}

// recorder is a test of which only the end is of interest.
type recorder struct {
	testing.TB
	failed, skipped bool
}

func (r *recorder) Helper()      {}
func (r *recorder) Fatal(...any) { r.failed = true }
func (r *recorder) Skip(...any)  { r.skipped = true }
