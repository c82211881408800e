package app

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// builtDir holds the program under test, once a test asked for it.
var builtDir string

// TestMain removes what the tests built, and finds goroutines left behind.
func TestMain(m *testing.M) {
	var err error
	if builtDir, err = os.MkdirTemp("", "alta-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := os.RemoveAll(builtDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}))
}
