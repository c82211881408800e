package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadConfigFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(strings.Repeat("#", size)), 0o600))
		return path
	}
	for _, tt := range []struct {
		it, path string
		size     int
		want     string
	}{
		{"takes an empty file", write("empty", 0), 0, ""},
		{"takes 1 MiB", write("full", 1<<20), 1 << 20, ""},
		{"refuses one byte more", write("long", 1<<20+1), 0, "longer than 1 MiB"},
		{"refuses a file that never ends", "/dev/zero", 0, "longer than 1 MiB"},
		{"refuses a folder", dir, 0, "is a directory"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			data, err := readConfigFile(tt.path)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || len(data) != tt.size {
				t.Errorf("%d bytes, error %v, want %d, %q", len(data), err, tt.size, tt.want)
			}
		})
	}
	if _, err := readConfigFile(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v of a missing file", err)
	}
}
