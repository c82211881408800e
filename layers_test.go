package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// wholeHouse marks a package that may import every other one.
const wholeHouse = "alta/..."

// mayImport says which packages of alta a package may import. One that is not
// listed is an adapter: it knows the domain and no sibling.
var mayImport = map[string][]string{
	"alta":                 {"alta/internal/app"},
	"alta/internal/app":    {wholeHouse},
	benchmark:              {wholeHouse}, // it measures the real parts, and no copies of them
	"alta/internal/crash":  {},
	"alta/pipeline":        {},
	"alta/store/storetest": {"alta/pipeline", "alta/store"},
	"alta/store/postgres":  {"alta/internal/crash", "alta/pipeline", "alta/store"}, // what both engines decide alike
	"alta/internal/fleet":  {"alta/pipeline", "alta/store", "alta/store/postgres"}, // River shares the ledger's transactions

	// A PostgreSQL server for tests and the benchmark, which knows nothing of alta.
	"alta/internal/pgcluster":        {},
	"alta/internal/pgcluster/pgtest": {"alta/internal/pgcluster"},

	// A browser for tests, which knows nothing of alta either: they build the program.
	"alta/internal/browser": {},
}

// benchmark is a program of its own; nothing of alta may rest on it.
const benchmark = "alta/internal/bench"

var adapterMayImport = []string{"alta/internal/crash", "alta/pipeline"}

// testsMayImport comes on top of that for test files, and of the package itself.
var testsMayImport = []string{"alta/internal/sandbox", "alta/store", "alta/store/storetest", "alta/internal/pgcluster", "alta/internal/pgcluster/pgtest"}

// aPackage is what 'go list -json' says of a package.
type aPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestLayers(t *testing.T) {
	packages := listPackages(t)
	for _, p := range packages {
		allowed, listed := mayImport[p.ImportPath]
		if !listed {
			allowed = adapterMayImport
		}
		for _, path := range p.Imports {
			if isOurs(path) && !permits(allowed, path) || path == benchmark {
				t.Errorf("%s imports %s; it may import %q", p.ImportPath, path, allowed)
			}
		}
		allowed = append(append([]string{p.ImportPath}, testsMayImport...), allowed...)
		if p.ImportPath == "alta" {
			allowed = []string{wholeHouse} // its tests look into every room
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if isOurs(path) && !permits(allowed, path) {
				t.Errorf("a test of %s imports %s; it may import %q", p.ImportPath, path, allowed)
			}
		}
	}
	for path := range mayImport {
		if !slices.ContainsFunc(packages, func(p aPackage) bool { return p.ImportPath == path }) {
			t.Errorf("the rule for %s is about no package", path)
		}
	}
}

func TestLayersBelowTheDomain(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.ImportPath != "alta/pipeline" {
			continue
		}
		for _, path := range p.Imports {
			// Only paths of the standard library have no dot in their first part.
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") || isOurs(path) {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
		return
	}
	t.Error("there is no package alta/pipeline")
}

func listPackages(t *testing.T) (all []aPackage) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p aPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func isOurs(path string) bool { return path == "alta" || strings.HasPrefix(path, "alta/") }

func permits(allowed []string, path string) bool {
	return slices.Contains(allowed, wholeHouse) || slices.Contains(allowed, path)
}
