package browser

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures in docs/images anew")

// builtDir holds the program under test, once a test asked for it.
var builtDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (status int) {
	flag.Parse()
	var err error
	if builtDir, err = os.MkdirTemp("", "alta-browser-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(builtDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}()
	return m.Run()
}

// build builds alta as users do, once for all tests.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtDir, "alta")
	if out, err := exec.Command("go", "build", "-o", path, "alta").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build alta: %w\n%s", err, out)
	}
	return path, nil
})
