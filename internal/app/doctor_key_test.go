package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSameVolume(t *testing.T) {
	here := t.TempDir()
	for _, test := range []struct {
		name string
		a, b string
		want bool
	}{
		{"two files that are not there yet, in one folder", "alta.db.key", "alta.db", true},
		{"a file in a folder below", "below/key", "alta.db", true},
		{"nothing is known of a folder that is not there", "no/such/key", "alta.db", false},
	} {
		if test.name == "a file in a folder below" {
			check(t, os.Mkdir(filepath.Join(here, "below"), 0o700))
		}
		if got := sameVolume(filepath.Join(here, test.a), filepath.Join(here, test.b)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	// Linux mounts what is in memory as a volume of its own.
	elsewhere, err := os.MkdirTemp("/dev/shm", "alta-test-")
	if err != nil {
		requireReal(t, "there is no second volume at /dev/shm")
	}
	t.Cleanup(func() { check(t, os.RemoveAll(elsewhere)) })
	if sameVolume(filepath.Join(elsewhere, "key"), filepath.Join(here, "alta.db")) {
		t.Error("memory and disk count as one volume")
	}
}
