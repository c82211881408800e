package app

import (
	"os"
	"testing"
)

// requireReal skips a test that needs what this machine lacks. Where
// ALTA_REQUIRE_REAL is set, as in the checks of every change, nothing may be
// lacking.
func requireReal(t *testing.T, lacks string) {
	t.Helper()
	if os.Getenv("ALTA_REQUIRE_REAL") != "" {
		t.Fatalf("%s, and ALTA_REQUIRE_REAL is set", lacks)
	}
	t.Skip(lacks)
}
