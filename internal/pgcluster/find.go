package pgcluster

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// binVariable names the environment variable that chooses one server of several.
const binVariable = "ALTA_PG_BIN"

// debianBins is where Debian keeps the programs of every version. It puts only
// those of the client in PATH.
const debianBins = "/usr/lib/postgresql/*/bin"

// Find returns the folder with the programs of a PostgreSQL server: the one that
// ALTA_PG_BIN names, or else one in PATH, or else the newest of those that
// Debian has installed.
func Find() (binDir string, err error) {
	return find(os.Getenv(binVariable), filepath.SplitList(os.Getenv("PATH")), debianBins)
}

func find(chosen string, path []string, pattern string) (binDir string, err error) {
	if chosen != "" {
		if !holdsServer(chosen) {
			return "", fmt.Errorf("%s=%s is not a folder with initdb and postgres", binVariable, chosen)
		}
		return filepath.Abs(chosen) // the server is run in another folder
	}
	for _, dir := range path {
		// A link may stand alone: the server looks for its files beside the real one.
		initdb, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
		if err == nil && holdsServer(filepath.Dir(initdb)) {
			return filepath.Abs(filepath.Dir(initdb))
		}
	}
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	for _, dir := range dirs {
		if holdsServer(dir) {
			return dir, nil
		}
	}
	return "", errors.New("there is no PostgreSQL server here; on Debian: apt-get install postgresql")
}

func holdsServer(dir string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, program))
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// version is that of the folder above; it has had a fraction up to 9.6.
func version(binDir string) float64 {
	v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(binDir)), 64)
	if err != nil {
		return 0
	}
	return v
}
