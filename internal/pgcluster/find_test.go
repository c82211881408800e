package pgcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindTakesTheChosenServer(t *testing.T) {
	root := t.TempDir()
	chosen, other := install(t, root, "chosen"), install(t, root, "other")
	checkFound(t, chosen, chosen, []string{other}, "")
}

func TestFindNamesAChosenFolderWithoutServer(t *testing.T) {
	root := t.TempDir()
	other := install(t, root, "other")
	_, err := find(root, []string{other}, "")
	if err == nil || !strings.Contains(err.Error(), "ALTA_PG_BIN="+root) {
		t.Errorf("got the error %v", err)
	}
}

func TestFindFollowsALinkInPath(t *testing.T) {
	root := t.TempDir()
	real := install(t, root, "real")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(real, "initdb"), filepath.Join(links, "initdb")); err != nil {
		t.Fatal(err)
	}
	checkFound(t, real, "", []string{root, links}, "")
}

func TestFindTakesTheNewestOfDebian(t *testing.T) {
	root := t.TempDir()
	for _, v := range []string{"9.6", "17", "100", "11"} {
		install(t, root, filepath.Join(v, "bin"))
	}
	if err := os.Remove(filepath.Join(root, "100", "bin", "postgres")); err != nil { // only a client
		t.Fatal(err)
	}
	checkFound(t, filepath.Join(root, "17", "bin"), "", nil, filepath.Join(root, "*", "bin"))
}

func TestFindSaysWhatToInstall(t *testing.T) {
	root := t.TempDir()
	_, err := find("", []string{root}, filepath.Join(root, "*"))
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got the error %v", err)
	}
}

func checkFound(t *testing.T, want, chosen string, path []string, pattern string) {
	t.Helper()
	got, err := find(chosen, path, pattern)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

// install makes a folder with programs of the right names.
func install(t *testing.T, root, name string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, program), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
