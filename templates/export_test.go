package templates

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if err := Export(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range fileNames() {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("a file of the set is missing: %v", err)
			continue
		}
		want, err := fs.ReadFile(embedded, name)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s differs from what is built in (%v)", name, err)
		}
	}
	if _, err := readFiles(dir); err != nil {
		t.Errorf("what was written can't be used as overrides: %v", err)
	}
	if err := Export(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second export gave %v, want a refusal to overwrite", err)
	}
}
