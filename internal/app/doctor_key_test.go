package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
	"alta/store"
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

// No machine of a fleet makes the key, so that the doctor promises none.
func TestDoctorMissesTheKeyOfAFleet(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, time.Now, newLedgerDatabase(t, pgtest.Shared(t)), `database.key_file = "alta.key"`)
	out := new(bytes.Buffer)
	a := w.process(out)
	a.getenv = func(name string) string {
		if name == "ALTA_DATA_KEY" {
			return ""
		}
		return w.getenv(name)
	}
	status := a.run(t.Context(), []string{"--config", w.path(defaultConfigFile), "doctor"})
	if want := "alta.key is not there, and alta can't make it; make one with 'openssl rand -base64 32'"; status == exitDone || !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
		t.Errorf("exit status %d, want a failure that says %q:\n%s", status, want, out)
	}

	check(t, makeKeyFile(w.path("alta.key"), store.NewKey()))
	out.Reset()
	a.run(t.Context(), []string{"--config", w.path(defaultConfigFile), "doctor"})
	if text := out.String(); !strings.Contains(text, "comes from the key file") || strings.Contains(text, "lie on one volume") {
		t.Errorf("with the key there, and the ledger on a server:\n%s", text)
	}
}
