package app

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"alta/internal/pgcluster/pgtest"
)

// builtDir holds the program under test, once a test asked for it.
var builtDir string

// TestMain removes what the tests built, and finds goroutines left behind.
func TestMain(m *testing.M) {
	flag.Parse()
	if !flagIsSet("test.parallel") {
		// Most of these tests wait, for the disk and for programs.
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	var err error
	if builtDir, err = os.MkdirTemp("", "alta-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(pgtest.M{M: m}, goleak.Cleanup(func(status int) {
		if err := os.RemoveAll(builtDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}))
}

func flagIsSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
