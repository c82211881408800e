// Package browser drives a real Chromium for the tests of pages: it clicks, reads,
// asks axe-core what keeps people out, and takes pictures. Nothing of it is in a
// release. A test that can't have a browser because none is installed skips, and
// fails instead where ALTA_REQUIRE_REAL is set.
package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a browser may take for a step, on a machine that runs many
// tests at once.
const patience = time.Minute

// userAgent is a Chromium's that has a window. Without one it says so, and counts as
// a scanner.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

// Browser is one running Chromium.
type Browser struct {
	ctx context.Context
}

// Find returns the path of Chromium: what ALTA_CHROMIUM names, or what is installed.
func Find() (string, error) {
	if named := os.Getenv("ALTA_CHROMIUM"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("ALTA_CHROMIUM: %w", err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium is installed; on Debian: apt-get install chromium")
}

// Start starts a browser that ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := Find()
	if err != nil {
		goWithout(t, err)
	}
	// Its profile is elsewhere, where chromedp removes it once all its processes are gone.
	// Its sandbox asks for more than root or a container has; the pages are our own.
	home := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserAgent(userAgent), chromedp.NoSandbox,
		chromedp.Env("HOME="+home), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"),
	)
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		end()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx: ctx}
}

func goWithout(t testing.TB, err error) {
	t.Helper()
	if cmp.Or(os.Getenv("ALTA_REQUIRE_REAL"), os.Getenv("ALTA_CHROMIUM")) != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}
