package app

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a page of docs, or writes it.
func golden(t *testing.T, page, got string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", page)
	if *update {
		check(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-file +got); 'go test ./internal/app -run %s -update' writes it anew:\n%s", path, t.Name(), diff)
	}
}
